package series

// Index finds slots by hash. Slots whose hashes are equal take the next hashes that are free, so a hash is where a
// search begins and the caller tells whether it has ended. The zero value is empty.
type Index struct {
	slots map[uint64]uint32
	// most is the largest size so far: a map does not shrink.
	most int
}

// entryBytes is about what an entry costs in a Go map.
const entryBytes = 20

// Find returns the slot of the hash for which match is true.
func (x *Index) Find(hash uint64, match func(slot uint32) bool) (uint32, bool) {
	for h := hash; ; h++ {
		slot, taken := x.slots[h]
		if !taken {
			return 0, false
		}
		if match(slot) {
			return slot, true
		}
	}
}

// Add adds a slot that is not in the index.
func (x *Index) Add(hash uint64, slot uint32) {
	if x.slots == nil {
		x.slots = make(map[uint64]uint32)
	}
	for ; ; hash++ {
		if _, taken := x.slots[hash]; !taken {
			break
		}
	}
	x.slots[hash] = slot
	x.most = max(x.most, len(x.slots))
}

// Remove removes a slot and closes the gap it leaves; home returns the hash a slot was added with.
func (x *Index) Remove(hash uint64, slot uint32, home func(slot uint32) uint64) {
	for x.slots[hash] != slot {
		hash++
	}
	gap := hash
	delete(x.slots, gap)
	for h := gap + 1; ; h++ {
		next, taken := x.slots[h]
		if !taken {
			return
		}
		if distance := h - home(next); distance < h-gap {
			continue // it is between its home and the gap's end already
		}
		x.slots[gap] = next
		delete(x.slots, h)
		gap = h
	}
}

// Bytes is about the memory held.
func (x *Index) Bytes() int { return x.most * entryBytes }
