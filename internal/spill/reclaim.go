package spill

import "errors"

// A lane that stands still keeps the segments of its records, and all that is done in them, on the disk. When the disk is
// full, segments of which three quarters or less still wait are given up: what waits is written again. So at worst a quarter
// of what the log takes is done already, and at most three bytes are moved for one that is won.
func isSparse(s *segment) bool { return s.bytes <= s.size/4*3 }

// movingRoom is what appends leave free, since moving needs room before it makes some: three quarters of a segment, the marks of
// its records if they are as small as can be, and two new segments.
func (l *Log) movingRoom() int64 { return l.opts.SegmentBytes + 4*fileHeaderBytes }

// over is by how many bytes a record is beyond the budget.
func (l *Log) over(n int64) int64 { return l.used() + l.cost(n) + l.movingRoom() - l.budget() }

// makeRoom makes some for a record if it can. What goes wrong is left for the next time.
func (l *Log) makeRoom(n int64) {
	if l.over(n) <= 0 {
		return
	}
	if l.renew() {
		_ = l.settle()
	}
	for l.over(n) > 0 {
		if s := l.sparsest(); s == nil || !l.move(s) {
			return
		}
	}
}

// renew ends an active segment in which nothing waits, and reports whether it did. To settle deletes it.
func (l *Log) renew() bool {
	s := l.active
	if s == nil || s.size == fileHeaderBytes || !l.hasNone(s) {
		return false
	}
	_ = l.seal()
	return true
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
		need := s.bytes + int64(s.live)*markBytes + 4*fileHeaderBytes
		if s == l.active || s.live == 0 || !isSparse(s) || need > room {
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

// move writes what waits in a segment to the active one, and deletes it, which it reports. If that goes wrong in between,
// records are there twice, of which one counts.
func (l *Log) move(s *segment) bool {
	var done []moved
	for _, m := range l.entriesOf(s) {
		if !l.copy(&m) {
			break
		}
		if m.to != nil {
			done = append(done, m)
		}
	}
	ok := l.areSafe(done)
	l.mu.Lock()
	for _, m := range done {
		l.replace(m, ok)
	}
	l.mu.Unlock()
	_ = l.settle()
	return ok && l.isGone(s)
}

// areSafe makes copies last before their originals go.
func (l *Log) areSafe(copies []moved) bool {
	if !l.opts.Fsync {
		return true
	}
	for i, m := range copies {
		if i > 0 && m.to == copies[i-1].to {
			continue
		}
		if m.to.flush(l.fsync) != nil {
			return false
		}
	}
	return true
}

func (l *Log) isGone(s *segment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, there := l.segments[s]
	return !there
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

// copy sets what m.to and m.off are, unless the record is damaged and dropped.
func (l *Log) copy(m *moved) bool {
	buf := l.buffer()
	defer l.free(buf)
	h, err := l.fetch(m.from, buf)
	if errors.Is(err, errDamaged) {
		_, err = l.dropDamagedHeld(m.lane, m.from, *buf)
		return err == nil
	}
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
