package series

// blockSize is how many slots lie together.
const blockSize = 256

// minDead is how many dead bytes of a block are not worth a copy of the rest.
const minDead = 1 << 10

// Slab holds a byte string for each slot, those of neighbouring slots close together. The zero value is empty.
type Slab struct {
	blocks []slabBlock
	bytes  int
}

type slabBlock struct {
	data []byte
	refs []ref
	dead int
}

// ref is where in its block's data a string lies.
type ref struct{ offset, length uint32 }

// refBytes is the size of a ref.
const refBytes = 8

// Get returns the string of a slot, empty if it has none. It is valid until the next Set or Delete.
func (s *Slab) Get(slot uint32) []byte {
	b := &s.blocks[slot/blockSize]
	r := b.refs[slot%blockSize]
	return b.data[r.offset : r.offset+r.length]
}

// Set copies text to a slot; slots are first set in ascending order without a gap.
func (s *Slab) Set(slot uint32, text []byte) {
	if slot/blockSize == uint32(len(s.blocks)) {
		s.blocks = append(s.blocks, slabBlock{})
	}
	b := &s.blocks[slot/blockSize]
	before := b.size()
	if i := slot % blockSize; i == uint32(len(b.refs)) {
		b.refs = append(b.refs, ref{})
	} else {
		b.release(i)
	}
	b.put(slot%blockSize, text)
	s.bytes += b.size() - before
}

// Delete empties a slot.
func (s *Slab) Delete(slot uint32) {
	b := &s.blocks[slot/blockSize]
	before := b.size()
	b.release(slot % blockSize)
	s.bytes += b.size() - before
}

// Bytes is the memory held.
func (s *Slab) Bytes() int { return s.bytes }

func (b *slabBlock) size() int { return cap(b.data) + refBytes*cap(b.refs) }

// put appends text. A full block gives back what it has grown too much.
func (b *slabBlock) put(i uint32, text []byte) {
	b.refs[i] = ref{uint32(len(b.data)), uint32(len(text))}
	b.data = append(b.data, text...)
	if i == blockSize-1 {
		b.compact()
	}
}

func (b *slabBlock) release(i uint32) {
	b.dead += int(b.refs[i].length)
	b.refs[i] = ref{}
	if b.dead > minDead && b.dead > len(b.data)/2 {
		b.compact()
	}
}

// compact copies the living strings, in the order of their slots, to data of their size.
func (b *slabBlock) compact() {
	data := make([]byte, 0, len(b.data)-b.dead)
	for i, r := range b.refs {
		b.refs[i].offset = uint32(len(data))
		data = append(data, b.data[r.offset:r.offset+r.length]...)
	}
	b.data, b.dead = data, 0
}
