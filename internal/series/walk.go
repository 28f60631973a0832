package series

import (
	"iter"
	"slices"
)

// Walk is a visit of a table's series in several steps, between which series come and go. The zero value is ready for
// one, and so is a Walk that has ended.
type Walk struct {
	end uint32
	// reused has a bit for each slot that was given to another series meanwhile. It is nil until one was.
	reused []uint64
}

// BeginWalk begins a visit of the series of now. Until EndWalk the table may do anything but Compact.
func (t *Table[V]) BeginWalk(w *Walk) {
	w.end = t.end
	t.walks = append(t.walks, w)
}

// EndWalk ends a visit.
func (t *Table[V]) EndWalk(w *Walk) {
	i := slices.Index(t.walks, w)
	t.walks = slices.Delete(t.walks, i, i+1)
	*w = Walk{}
}

// Walk visits the series in the order of their slots. None that came since BeginWalk is visited, for it may have been
// already, at another slot.
func (t *Table[V]) Walk(w *Walk) iter.Seq2[uint32, *V] {
	return func(yield func(uint32, *V) bool) {
		for slot := range w.end {
			if t.Holds(slot) && !w.leavesOut(slot) && !yield(slot, t.At(slot)) {
				return
			}
		}
	}
}

// leaveOut is for a slot that is about to be another series'.
func (w *Walk) leaveOut(slot uint32) {
	if slot >= w.end {
		return
	}
	if w.reused == nil {
		w.reused = make([]uint64, w.end/64+1)
	}
	w.reused[slot/64] |= 1 << (slot % 64)
}

func (w *Walk) leavesOut(slot uint32) bool {
	return w.reused != nil && w.reused[slot/64]&(1<<(slot%64)) != 0
}
