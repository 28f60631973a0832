package pushgroup

import (
	"context"
	"sync"

	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluice-metrics/sluice/internal/exposition"
)

// The fields of a MetricFamily.
const (
	fieldName   = 1
	fieldMetric = 4
)

// contentType must have both parameters: a gateway takes anything else for text.
const contentType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

// body is the state of a group, rendered: delimited MetricFamily messages, one for each name, sorted, without timestamps.
type body struct {
	bytes    []byte
	families []family
	// parts is space to put a part of the families together.
	parts []byte
}

// family is one message of a body, with its length before it.
type family struct {
	name, bytes []byte
}

// maxPooled bounds the memory of a body that is used again.
const maxPooled = 8 << 20

var bodies = sync.Pool{New: func() any { return new(body) }}

// render writes what a store shows now; ctx must not end before. The body is to be freed.
func render(ctx context.Context, store *exposition.Store) *body {
	b := bodies.Get().(*body)
	b.bytes, b.families = b.bytes[:0], b.families[:0]
	page := exposition.Page{Format: exposition.Format{Kind: exposition.Protobuf, Escaping: model.NoEscaping}}
	// It fails only when its context or writer does, and hides nothing where no name is escaped.
	_ = store.Write(ctx, b, page, func(exposition.Reason, int) {})
	b.index()
	return b
}

func (b *body) Write(p []byte) (int, error) {
	b.bytes = append(b.bytes, p...)
	return len(p), nil
}

func (b *body) free() {
	if cap(b.bytes)+cap(b.parts) <= maxPooled {
		bodies.Put(b)
	}
}

// index finds the families of what the store wrote.
func (b *body) index() {
	for rest := b.bytes; len(rest) > 0; {
		length, n := protowire.ConsumeVarint(rest)
		end := n + int(length)
		name, _ := protowire.ConsumeBytes(rest[n+protowire.SizeTag(fieldName):])
		b.families = append(b.families, family{name: name, bytes: rest[:end]})
		rest = rest[end:]
	}
}

// series is how many the family has.
func (f *family) series() int {
	_, n := protowire.ConsumeVarint(f.bytes)
	count := 0
	for rest := f.bytes[n:]; len(rest) > 0; {
		number, typ, n := protowire.ConsumeTag(rest)
		if number == fieldMetric {
			count++
		}
		rest = rest[n:]
		rest = rest[protowire.ConsumeFieldValue(number, typ, rest):]
	}
	return count
}

func seriesOf(fs []family) int {
	n := 0
	for i := range fs {
		n += fs[i].series()
	}
	return n
}

func sizeOf(fs []family) int {
	n := 0
	for i := range fs {
		n += len(fs[i].bytes)
	}
	return n
}

// join puts families together; what it returns is valid until it is called again.
func (b *body) join(fs []family) []byte {
	if len(fs) == len(b.families) {
		return b.bytes
	}
	b.parts = b.parts[:0]
	for i := range fs {
		b.parts = append(b.parts, fs[i].bytes...)
	}
	return b.parts
}

// fitting returns the families that go into so many bytes, and those that do not. 0 means no bound.
func fitting(fs []family, most int) (fit, rest []family) {
	if most <= 0 || sizeOf(fs) <= most {
		return fs, nil
	}
	size := 0
	for i := range fs {
		if n := len(fs[i].bytes); size+n <= most {
			fit = append(fit, fs[i])
			size += n
			continue
		}
		rest = append(rest, fs[i])
	}
	return fit, rest
}
