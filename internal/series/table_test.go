package series

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

// model is a table beside a map that does the same.
type model struct {
	table *Table[int]
	want  map[string]int
	slots map[string]uint32
	next  int
}

func newModel(mask uint64) *model {
	m := &model{table: NewTable[int](), want: map[string]int{}, slots: map[string]uint32{}}
	m.table.mask = mask
	return m
}

func (m *model) put(t *rapid.T, key string) {
	slot, known := m.table.Find([]byte(key))
	_, want := m.want[key]
	require.Equal(t, want, known)
	if !known {
		slot = m.table.Insert([]byte(key))
		require.Zero(t, *m.table.At(slot))
		m.slots[key] = slot
	}
	require.Equal(t, m.slots[key], slot)
	m.next++
	*m.table.At(slot) = m.next
	m.want[key] = m.next
}

func (m *model) remove(t *rapid.T, key string) {
	slot, known := m.table.Find([]byte(key))
	require.Equal(t, m.want[key] != 0, known)
	if known {
		m.table.Remove(slot)
		delete(m.want, key)
	}
}

func (m *model) rekey(from, to string) {
	slot, known := m.table.Find([]byte(from))
	if _, taken := m.want[to]; !known || taken {
		return
	}
	m.table.Rekey(slot, []byte(to))
	m.want[to], m.slots[to] = m.want[from], slot
	delete(m.want, from)
}

func (m *model) check(t *rapid.T) {
	require.Equal(t, len(m.want), m.table.Len())
	got := map[string]int{}
	for slot, v := range m.table.Slots(0, m.table.End()) {
		got[string(m.table.keys.Get(slot))] = *v
	}
	require.Equal(t, m.want, got)
	require.Len(t, m.table.index.slots, len(m.want))
}

// Masks make many hashes equal, or all: then every key is told from the others by its bytes alone.
func TestTableBehavesAsAMap(t *testing.T) {
	for _, mask := range []uint64{^uint64(0), 3, 0} {
		t.Run(strconv.FormatUint(mask, 16), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := newModel(mask)
				key := func() string { return fmt.Sprint("key", rapid.IntRange(0, 40).Draw(t, "key")) }
				t.Repeat(map[string]func(*rapid.T){
					"put":    func(t *rapid.T) { m.put(t, key()) },
					"put2":   func(t *rapid.T) { m.put(t, key()) },
					"remove": func(t *rapid.T) { m.remove(t, key()) },
					"rekey":  func(*rapid.T) { m.rekey(key(), key()) },
					"":       m.check,
				})
			})
		})
	}
}

func TestMemoryIsGivenBack(t *testing.T) {
	table := NewTable[int]()
	key := func(i int) []byte { return fmt.Appendf(nil, "%0200d", i) }
	for i := range 10 * blockSize {
		table.Insert(key(i))
	}
	full := table.Bytes()
	for i := range 10 * blockSize {
		slot, known := table.Find(key(i))
		require.True(t, known)
		table.Remove(slot)
	}
	assert.Less(t, table.keys.Bytes(), full/8)
	for round := range 20 {
		for i := range 10 * blockSize {
			table.Insert(key(round*1000000 + i))
		}
		for i := range 10 * blockSize {
			slot, _ := table.Find(key(round*1000000 + i))
			table.Remove(slot)
		}
	}
	assert.Less(t, table.Bytes(), full, "slots are used again")
}

func TestFindAndKeyAllocateNothing(t *testing.T) {
	table := NewTable[int]()
	attrs := pcommon.NewMap()
	attrs.PutStr("method", "GET")
	attrs.PutInt("status", 200)
	attrs.PutBool("cached", true)
	attrs.PutDouble("ratio", 0.5)
	table.Insert(table.Key(1, attrs))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if _, known := table.Find(table.Key(1, attrs)); !known {
			t.Fatal("lost")
		}
		if _, known := table.Find(table.Key(2, attrs)); known {
			t.Fatal("found")
		}
	}))
}

// drawAttributes draws few keys and values, so that many maps are nearly the same.
func drawAttributes(t *rapid.T) pcommon.Map {
	attrs := pcommon.NewMap()
	for range rapid.IntRange(0, 3).Draw(t, "attributes") {
		key := rapid.SampledFrom([]string{"", "a", "b", "ab", "aa"}).Draw(t, "key")
		switch rapid.IntRange(0, 5).Draw(t, "type") {
		case 0:
			attrs.PutInt(key, int64(rapid.IntRange(0, 1).Draw(t, "int")))
		case 1:
			attrs.PutBool(key, rapid.Bool().Draw(t, "bool"))
		case 2:
			attrs.PutDouble(key, float64(rapid.IntRange(0, 1).Draw(t, "double")))
		case 3:
			attrs.PutEmptyMap(key).PutStr("k", rapid.SampledFrom([]string{"", "1"}).Draw(t, "inner"))
		default:
			attrs.PutStr(key, rapid.SampledFrom([]string{"", "0", "1", "a", "ab", `{"k":"1"}`, "true"}).Draw(t, "string"))
		}
	}
	return attrs
}

// spelt is an identity that anybody can see to be one.
func spelt(scope uint32, attrs pcommon.Map) string {
	out := []string{strconv.FormatUint(uint64(scope), 10)}
	for key, value := range attrs.All() {
		out = append(out, fmt.Sprintf("%q %s %q", key, value.Type(), value.AsString()))
	}
	return strings.Join(out, "|")
}

func TestKeysAreEqualWhereIdentitiesAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k keyer
		byKey, byIdentity := map[string]string{}, map[string]string{}
		for range 40 {
			scope, attrs := uint32(rapid.IntRange(0, 200).Draw(t, "scope")), drawAttributes(t)
			if k.shapes == nil && rapid.Bool().Draw(t, "crowded") {
				k.shapes = slices.Repeat([]shape{{"never"}}, maxShapes-2)
			}
			key, identity := string(k.Key(scope, attrs)), spelt(scope, attrs)
			if other, seen := byKey[key]; seen {
				require.Equal(t, other, identity)
			}
			if other, seen := byIdentity[identity]; seen {
				require.Equal(t, other, key)
			}
			byKey[key], byIdentity[identity] = identity, key
		}
	})
}

func TestShapesAreBounded(t *testing.T) {
	var k keyer
	for i := range 10 * maxShapes {
		attrs := pcommon.NewMap()
		attrs.PutStr(fmt.Sprint("key", i), "v")
		k.Key(1, attrs)
	}
	assert.Len(t, k.shapes, maxShapes)
	assert.Len(t, slices.Collect(maps.Keys(k.byKeys)), maxShapes)
}

func BenchmarkFind(b *testing.B) {
	const n = 100_000
	table := NewTable[[40]byte]()
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "%0100d", i)
		table.Insert(keys[i])
	}
	b.Run("hit=in-order", func(b *testing.B) { benchmarkFind(b, table, keys, 1) })
	b.Run("hit=shuffled", func(b *testing.B) { benchmarkFind(b, table, keys, 7919) })
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "x%0100d", i)
	}
	b.Run("miss", func(b *testing.B) { benchmarkFind(b, table, keys, 1) })
}

func benchmarkFind(b *testing.B, table *Table[[40]byte], keys [][]byte, stride int) {
	b.Helper()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + stride) % len(keys)
		table.Find(keys[i])
	}
}

func BenchmarkInsertRemove(b *testing.B) {
	table := NewTable[[40]byte]()
	key := fmt.Appendf(nil, "%0100d", 1)
	b.ReportAllocs()
	for b.Loop() {
		table.Remove(table.Insert(key))
	}
}

func BenchmarkKey(b *testing.B) {
	var k keyer
	attrs := pcommon.NewMap()
	for i := range 7 {
		attrs.PutStr(fmt.Sprint("attribute.number.", i), fmt.Sprint("some value ", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		k.Key(7, attrs)
	}
}
