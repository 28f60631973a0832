package series

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"
)

// Fingerprints that agree in half of their bits, and so in their shard, are as different as any.
func TestCacheTellsHalvesApart(t *testing.T) {
	c := NewCache[string](1000, time.Hour)
	list := []Fingerprint{{0, 0}, {1, 0}, {2, 0}, {1 << 63, 0}, {0, 1}, {1, 1}, {0, 64}, {1, 64}, {0, 1 << 63}, {1, 1 << 63}}
	for _, f := range list {
		c.Put(f, fmt.Sprint(f))
	}
	for _, f := range list {
		v, known := c.Get(f)
		assert.True(t, known)
		assert.Equal(t, fmt.Sprint(f), v)
	}
	_, known := c.Get(Fingerprint{3, 0})
	assert.False(t, known)
}

// narrow draws fingerprints of few bits, so that many agree in one half.
func narrow(t *rapid.T) Fingerprint {
	return Fingerprint{
		hi: rapid.Uint64Range(0, 3).Draw(t, "hi"),
		lo: rapid.SampledFrom([]uint64{0, 64, 128, 1, 65, 1 << 40}).Draw(t, "lo"),
	}
}

// A cache says what was put last, or nothing: never what belongs to another. What is within its share it never forgets.
func TestCacheIsAMapThatForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.IntRange(1, 30).Draw(t, "share")
		c := NewCache[int](share*2*cacheShards, time.Hour)
		require.Equal(t, share, c.share)
		put := map[Fingerprint]int{}
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			f := narrow(t)
			if rapid.Bool().Draw(t, "put") {
				c.Put(f, i)
				put[f] = i
				continue
			}
			got, known := c.Get(f)
			want, ever := put[f]
			if known {
				require.True(t, ever)
				require.Equal(t, want, got)
			} else if ever {
				require.Greater(t, inShard(put, f), share, "it had room")
			}
		}
		for i := range c.shards {
			require.LessOrEqual(t, len(c.shards[i].young), share)
			require.LessOrEqual(t, len(c.shards[i].old), share)
		}
		require.LessOrEqual(t, c.Len(), len(put))
	})
}

func inShard(put map[Fingerprint]int, f Fingerprint) int {
	n := 0
	for g := range put {
		if g.lo%cacheShards == f.lo%cacheShards {
			n++
		}
	}
	return n
}

func TestCacheIsBounded(t *testing.T) {
	const limit = 10_000
	c := NewCache[int](limit, time.Hour)
	for i := range 20 * limit {
		c.Put(FingerprintOf(fmt.Append(nil, i)), i)
		if i%1000 == 0 {
			require.LessOrEqual(t, c.Len(), limit)
		}
	}
	assert.Greater(t, c.Len(), limit/3)
	tiny := NewCache[int](1, time.Hour)
	for i := range 1000 {
		tiny.Put(FingerprintOf(fmt.Append(nil, i)), i)
	}
	assert.LessOrEqual(t, tiny.Len(), 2*cacheShards, "one young and one old in each shard are the least")
}

// What is asked for stays, what is not goes between half the expiration and all of it.
func TestCacheExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCache[int](1000, time.Hour)
		asked, left := Fingerprint{1, 1}, Fingerprint{2, 2}
		c.Put(asked, 1)
		c.Put(left, 2)
		for i := range 20 {
			time.Sleep(10 * time.Minute)
			c.Age()
			_, known := c.Get(asked)
			require.True(t, known, "after %d minutes", 10*(i+1))
			if i < 2 {
				require.Equal(t, 2, c.Len())
			}
			if i >= 6 {
				require.Equal(t, 1, c.Len())
			}
		}
		time.Sleep(10 * time.Hour)
		c.Age()
		c.Age()
		_, known := c.Get(asked)
		assert.True(t, known, "ageing twice at once is ageing once")
		for range 2 {
			time.Sleep(time.Hour)
			c.Age()
		}
		assert.Zero(t, c.Len())
	})
}

// The race detector judges the rest.
func TestCacheIsUsedConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCache[Fingerprint](500, time.Second)
		var wrong sync.Map
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := range 2000 {
					f := Fingerprint{hi: uint64(i % 7), lo: uint64(i*(worker+1)) % 300}
					if got, known := c.Get(f); known && got != f {
						wrong.Store(f, got)
					}
					c.Put(f, f)
					if i%100 == 0 {
						time.Sleep(time.Millisecond)
						c.Age()
						c.Len()
					}
				}
			})
		}
		wg.Wait()
		wrong.Range(func(f, got any) bool {
			t.Errorf("%v is %v", f, got)
			return true
		})
	})
}

// Identities that differ in anything have other fingerprints, and the same have the same.
func TestFingerprintsOfExactIdentities(t *testing.T) {
	seen := map[Fingerprint]string{}
	rapid.Check(t, func(t *rapid.T) {
		m := drawMap(t, 2)
		key := AppendExact(nil, m)
		f := FingerprintOf(key)
		require.Equal(t, f, FingerprintOf(slices.Clone(key)))
		if text, known := seen[f]; known {
			require.Equal(t, text, string(key))
		}
		seen[f] = string(key)
		other := drawMap(t, 2)
		same := exactlySame(m, other)
		require.Equal(t, same, string(key) == string(AppendExact(nil, other)))
	})
	assert.NotEmpty(t, slices.Collect(maps.Keys(seen)))
}

func drawMap(t *rapid.T, depth int) pcommon.Map {
	m := pcommon.NewMap()
	for range rapid.IntRange(0, 2).Draw(t, "entries") {
		drawValue(t, m.PutEmpty(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key")), depth)
	}
	return m
}

func drawValue(t *rapid.T, v pcommon.Value, depth int) {
	switch rapid.IntRange(0, 7).Draw(t, "type") {
	case 0:
		v.SetStr(rapid.SampledFrom([]string{"", "a", "\x01"}).Draw(t, "text"))
	case 1:
		v.SetInt(rapid.SampledFrom([]int64{0, 1}).Draw(t, "int"))
	case 2:
		v.SetDouble(rapid.SampledFrom([]float64{0, 1, math.Copysign(0, -1)}).Draw(t, "double"))
	case 3:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case 4:
		v.SetEmptyBytes().FromRaw(rapid.SampledFrom([][]byte{{}, {1}, {'a'}}).Draw(t, "bytes"))
	case 5:
		if s := v.SetEmptySlice(); depth > 0 {
			for range rapid.IntRange(0, 2).Draw(t, "elements") {
				drawValue(t, s.AppendEmpty(), depth-1)
			}
		}
	case 6:
		if m := v.SetEmptyMap(); depth > 0 {
			drawMap(t, depth-1).CopyTo(m)
		}
	}
}

// exactlySame compares as OTLP puts attributes on the wire.
func exactlySame(a, b pcommon.Map) bool { return bytes.Equal(wire(a), wire(b)) }

func wire(m pcommon.Map) []byte {
	md := pmetric.NewMetrics()
	m.CopyTo(md.ResourceMetrics().AppendEmpty().Resource().Attributes())
	b, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	if err != nil {
		panic(err)
	}
	return b
}
