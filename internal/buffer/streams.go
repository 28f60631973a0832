package buffer

import (
	"context"
	"slices"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Streams says what belongs to one stream, within which order is kept. A stream is found by a hash, the same in each
// process, so that a lane on disk is the same stream after a restart unless these settings change.
type Streams struct {
	// Max is how many lanes there are at most; streams share them.
	Max int
	// Attributes of the resource tell streams apart; without any, all of its attributes do.
	Attributes []string
	// Metadata are keys of the client's metadata that tell streams apart, and go with the batches.
	Metadata []string
}

// ofResource does not depend on the order of attributes.
func (s *Streams) ofResource(attrs pcommon.Map) (hash uint64) {
	if len(s.Attributes) == 0 {
		for k, v := range attrs.All() {
			hash += hashOf(k, v)
		}
		return hash
	}
	for _, k := range s.Attributes {
		if v, ok := attrs.Get(k); ok {
			hash += hashOf(k, v)
		}
	}
	return hash
}

func hashOf(key string, v pcommon.Value) uint64 {
	text := v.Str()
	if v.Type() != pcommon.ValueTypeStr {
		text = v.AsString()
	}
	return mix(xxhash.Sum64String(key), xxhash.Sum64String(text))
}

// mix makes the order of two hashes matter, and spreads them over all bits.
func mix(a, b uint64) uint64 {
	h := a ^ (b*0x9E3779B97F4A7C15 + 0x7F4A7C15)
	h ^= h >> 32
	h *= 0xD6E8FEB86659FD93
	return h ^ h>>32
}

// lane is the one for a resource of a client.
func (s *Streams) lane(resource uint64, m metadata) uint64 {
	return mix(resource, m.hash()) % uint64(s.Max)
}

// metadata is what is kept of a client's.
type metadata []entry

type entry struct {
	key    string
	values []string
}

func (s *Streams) metadataOf(ctx context.Context) (m metadata) {
	if len(s.Metadata) == 0 {
		return nil
	}
	info := client.FromContext(ctx)
	for _, k := range s.Metadata {
		if values := info.Metadata.Get(k); len(values) > 0 {
			m = append(m, entry{k, values})
		}
	}
	return m
}

func (m metadata) hash() (hash uint64) {
	for _, e := range m {
		hash = mix(hash, xxhash.Sum64String(e.key))
		for _, v := range e.values {
			hash = mix(hash, xxhash.Sum64String(v)+1)
		}
	}
	return hash
}

func (m metadata) equal(other metadata) bool {
	return slices.EqualFunc(m, other, func(a, b entry) bool { return a.key == b.key && slices.Equal(a.values, b.values) })
}

// in puts the metadata into a context as that of the client.
func (m metadata) in(ctx context.Context) context.Context {
	if len(m) == 0 {
		return ctx
	}
	all := make(map[string][]string, len(m))
	for _, e := range m {
		all[e.key] = e.values
	}
	return client.NewContext(ctx, client.Info{Metadata: client.NewMetadata(all)})
}
