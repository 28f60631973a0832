package spill

// A lane that stands still keeps the segments of its records, and all that is done in them, on the disk. When the disk is
// nearly full, segments of which half or less still waits are given up: what waits is written again. So at worst half of what
// the log takes is done already.
const (
	pressureNum, pressureDen = 7, 8
	liveShare                = 2
)

// makeRoom tries to make some before it is needed: moving needs room itself. What goes wrong is left for the next time.
func (l *Log) makeRoom(n int64) {
	if !l.isTight(n) {
		return
	}
	if s := l.active; s != nil && s.size > fileHeaderBytes && l.hasNone(s) {
		_ = l.seal()
		_ = l.settle()
	}
	if s := l.sparsest(); s != nil && l.isTight(n) {
		l.move(s)
	}
}

func (l *Log) isTight(n int64) bool {
	return l.used()+l.cost(n) > l.budget()/pressureDen*pressureNum
}

func (l *Log) hasNone(s *segment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return s.live == 0
}

// sparsest returns the segment that gives most for what it costs to move, nil if there is none.
func (l *Log) sparsest() *segment {
	room := l.budget() - l.used()
	l.mu.Lock()
	defer l.mu.Unlock()
	var best *segment
	for s := range l.segments {
		// Moving may begin a segment, whose marks need room, too.
		need := s.bytes + int64(s.live)*markBytes + 2*fileHeaderBytes
		if s == l.active || s.live == 0 || s.bytes > s.size/liveShare || need > room {
			continue
		}
		if best == nil || float64(s.bytes)/float64(s.size) < float64(best.bytes)/float64(best.size) {
			best = s
		}
	}
	return best
}

// moved is a record that was written again.
type moved struct {
	lane uint64
	from entry
	to   *segment
	off  int64
}

// move writes what waits in a segment to the active one, and deletes it. If that goes wrong in between, records are there
// twice, of which one counts.
func (l *Log) move(s *segment) {
	var done []moved
	for _, m := range l.entriesOf(s) {
		ok := l.copy(&m)
		if !ok {
			break
		}
		done = append(done, m)
	}
	ok := len(done) > 0
	if ok && l.opts.Fsync {
		ok = l.active.flush(l.fsync) == nil // sealed ones are synced
	}
	l.mu.Lock()
	for _, m := range done {
		l.replace(m, ok)
	}
	l.mu.Unlock()
	_ = l.settle()
}

func (l *Log) entriesOf(s *segment) []moved {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []moved
	for id, q := range l.lanes {
		for _, e := range q.waiting() {
			if e.segment == s {
				all = append(all, moved{lane: id, from: e})
			}
		}
	}
	return all
}

func (l *Log) copy(m *moved) bool {
	buf := l.buffer()
	defer l.free(buf)
	h, err := l.fetch(m.from, buf)
	if err != nil {
		return false
	}
	m.to, m.off, err = l.put(*buf, h)
	return err == nil
}

// replace lets the copy count, or the original if the record is done meanwhile or the copy is not safe. l.mu is held.
func (l *Log) replace(m moved, ok bool) {
	l.grow(m.to, markBytes)
	q := l.lanes[m.lane]
	if q != nil && ok {
		i, found := q.find(m.from.seq)
		if e := q.waiting(); found && e[i] == m.from {
			e[i].segment, e[i].off = m.to, m.off
			m.to.live++
			m.to.bytes += int64(m.from.bytes)
			l.owe(m.from)
			return
		}
	}
	m.to.unmarked = append(m.to.unmarked, m.off)
	l.owing[m.to] = struct{}{}
}
