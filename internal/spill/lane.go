package spill

import (
	"cmp"
	"slices"
)

// entry is where a record that waits is found: 40 bytes of memory.
type entry struct {
	seq     uint64
	segment *segment
	points  uint64
	off     int64
	bytes   uint32 // header and data as stored
}

func (s *segment) entry(off int64, h header) entry {
	return entry{seq: h.seq, segment: s, points: h.points, off: off, bytes: uint32(s.format.headerBytes) + h.stored}
}

// lane is the records of one lane that wait, by sequence number.
type lane struct {
	entries []entry
	head    int // entries before it are gone
	points  uint64
	bytes   int64
}

func (l *lane) waiting() []entry { return l.entries[l.head:] }

func bySeq(e entry, seq uint64) int { return cmp.Compare(e.seq, seq) }

func (l *lane) find(seq uint64) (int, bool) { return slices.BinarySearchFunc(l.waiting(), seq, bySeq) }

// add reports whether the entry's number was free.
func (l *lane) add(e entry) bool {
	w := l.waiting()
	if len(w) == 0 || w[len(w)-1].seq < e.seq {
		l.entries = append(l.entries, e)
	} else {
		i, taken := l.find(e.seq)
		if taken {
			return false
		}
		l.entries = slices.Insert(l.entries, l.head+i, e)
	}
	l.points += e.points
	l.bytes += int64(e.bytes)
	return true
}

// after returns the first entry beyond seq.
func (l *lane) after(seq uint64) (entry, bool) {
	i, exact := l.find(seq)
	if exact {
		i++
	}
	if w := l.waiting(); i < len(w) {
		return w[i], true
	}
	return entry{}, false
}

func (l *lane) remove(seq uint64) (entry, bool) {
	i, ok := l.find(seq)
	if !ok {
		return entry{}, false
	}
	e := l.waiting()[i]
	if i == 0 {
		l.entries[l.head] = entry{}
		l.head++
		l.shrink()
	} else {
		l.entries = slices.Delete(l.entries, l.head+i, l.head+i+1)
	}
	l.points -= e.points
	l.bytes -= int64(e.bytes)
	return e, true
}

// shrink gives memory back when half of it is unused.
func (l *lane) shrink() {
	if l.head >= 64 && l.head > len(l.entries)/2 {
		l.entries, l.head = slices.Clone(l.waiting()), 0
	}
}
