package series

import (
	"bytes"
	"hash/maphash"
	"iter"
	"unsafe"
)

// Table keeps a V for each series.
type Table[V any] struct {
	keyer
	seed maphash.Seed
	// mask is what tests set to make hashes collide.
	mask   uint64
	index  Index
	keys   Slab
	blocks [][]V
	free   []uint32
	length int
	end    uint32
	cursor uint32
	walks  []*Walk
}

// NewTable returns an empty table.
func NewTable[V any]() *Table[V] {
	return &Table[V]{seed: maphash.MakeSeed(), mask: ^uint64(0)}
}

// Len returns the number of series.
func (t *Table[V]) Len() int { return t.length }

// End is above all slots in use.
func (t *Table[V]) End() uint32 { return t.end }

// At returns the value of a slot in use. The pointer is valid until the next Insert.
func (t *Table[V]) At(slot uint32) *V { return &t.blocks[slot/blockSize][slot%blockSize] }

// Holds reports whether a slot is in use.
func (t *Table[V]) Holds(slot uint32) bool { return len(t.keys.Get(slot)) > 0 }

// KeyOf returns the key of a slot in use. It is valid until the table changes.
func (t *Table[V]) KeyOf(slot uint32) []byte { return t.keys.Get(slot) }

// Find returns the slot of a key.
func (t *Table[V]) Find(key []byte) (uint32, bool) {
	if t.cursor >= t.end {
		t.cursor = 0
	}
	if t.cursor < t.end && bytes.Equal(t.keys.Get(t.cursor), key) {
		t.cursor++
		return t.cursor - 1, true
	}
	slot, known := t.index.Find(t.hash(key), func(slot uint32) bool { return bytes.Equal(t.keys.Get(slot), key) })
	if known {
		t.cursor = slot + 1
	}
	return slot, known
}

// Next returns the key that Find tries first, that of the slot behind the last one found. It is valid until the table
// changes, and empty if there is none.
func (t *Table[V]) Next() []byte {
	if t.cursor >= t.end {
		return nil
	}
	return t.keys.Get(t.cursor)
}

// Insert adds a key that Find does not find, with the zero V.
func (t *Table[V]) Insert(key []byte) uint32 {
	slot := t.takeSlot()
	t.keys.Set(slot, key)
	t.index.Add(t.hash(key), slot)
	t.length++
	t.cursor = slot + 1
	return slot
}

// Rekey gives a series another key, one that Find does not find.
func (t *Table[V]) Rekey(slot uint32, key []byte) {
	t.index.Remove(t.home(slot), slot, t.home)
	t.keys.Set(slot, key)
	t.index.Add(t.hash(key), slot)
}

// Remove forgets a series.
func (t *Table[V]) Remove(slot uint32) {
	t.index.Remove(t.home(slot), slot, t.home)
	t.keys.Delete(slot)
	var zero V
	*t.At(slot) = zero
	t.free = append(t.free, slot)
	t.length--
}

// Sparse reports whether most slots are those of series that are gone, and no Walk is under way.
func (t *Table[V]) Sparse() bool {
	return len(t.walks) == 0 && int(t.end) > 2*t.length+blockSize
}

// Compact moves all series to the first slots, in their order, and gives the rest back. It tells of each where it went.
func (t *Table[V]) Compact(moved func(from, to uint32, v *V)) {
	old := *t
	fresh := Table[V]{keyer: t.keyer, seed: t.seed, mask: t.mask}
	for from, v := range old.Slots(0, old.end) {
		to := fresh.Insert(old.keys.Get(from))
		*fresh.At(to) = *v
		moved(from, to, v)
	}
	*t = fresh
}

// Slots visits the slots in use from one on and below end. The body may Remove the slot it is given.
func (t *Table[V]) Slots(from, end uint32) iter.Seq2[uint32, *V] {
	return func(yield func(uint32, *V) bool) {
		for slot := from; slot < min(end, t.end); slot++ {
			if t.Holds(slot) && !yield(slot, t.At(slot)) {
				return
			}
		}
	}
}

// Bytes is about the memory held.
func (t *Table[V]) Bytes() int {
	var v V
	return t.keys.Bytes() + t.index.Bytes() + int(t.end)*int(unsafe.Sizeof(v)) + 4*cap(t.free) + t.shapeBytes
}

func (t *Table[V]) hash(key []byte) uint64 { return maphash.Bytes(t.seed, key) & t.mask }

func (t *Table[V]) home(slot uint32) uint64 { return t.hash(t.keys.Get(slot)) }

func (t *Table[V]) takeSlot() uint32 {
	if last := len(t.free) - 1; last >= 0 {
		slot := t.free[last]
		t.free = t.free[:last]
		for _, w := range t.walks {
			w.leaveOut(slot)
		}
		return slot
	}
	slot := t.end
	if slot%blockSize == 0 {
		t.blocks = append(t.blocks, nil)
	}
	block := &t.blocks[slot/blockSize]
	var zero V
	*block = append(*block, zero)
	t.end++
	return slot
}
