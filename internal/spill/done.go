package spill

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Done says that a record was delivered, or is not wanted any more. It is not read again, unless the process or the machine
// ends before this is on disk: after an error, or after a loss of power. What does not wait gets ErrNotFound.
func (l *Log) Done(ctx context.Context, lane, seq uint64) error {
	if err := l.take(lane, seq, &l.stats.Done); err != nil {
		return err
	}
	return l.pay(ctx)
}

// take removes a record from those that wait, and counts it as what became of it.
func (l *Log) take(id, seq uint64, as *Amount) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	q := l.lanes[id]
	if q == nil {
		return ErrNotFound
	}
	e, ok := q.remove(seq)
	if !ok {
		return ErrNotFound
	}
	if len(q.waiting()) == 0 {
		delete(l.lanes, id)
	}
	l.stats.Pending.sub(e.points, int64(e.bytes))
	as.add(1, e.points, int64(e.bytes))
	l.owe(e)
	return nil
}

// owe notes that a record's mark is to be written. l.mu is held.
func (l *Log) owe(e entry) {
	s := e.segment
	s.live--
	s.bytes -= int64(e.bytes)
	s.unmarked = append(s.unmarked, e.off)
	l.owing[s] = struct{}{}
}

// pay writes what is owed. If somebody else is writing, that may be done already when its turn comes.
func (l *Log) pay(ctx context.Context) error {
	if err := l.acquire(ctx); err != nil {
		return err
	}
	defer l.release()
	return l.settle()
}

// settle deletes segments in which nothing waits, and marks records in the others. What fails is tried again the next time.
func (l *Log) settle() error {
	l.mu.Lock()
	owing := slices.Collect(maps.Keys(l.owing))
	l.mu.Unlock()
	var err error
	for _, s := range owing {
		if l.isDrained(s) {
			err = errors.Join(err, l.remove(s))
		} else {
			err = errors.Join(err, l.mark(s))
		}
	}
	if errors.Is(err, ErrFull) && l.renew() {
		return l.settle()
	}
	return err
}

// isDrained reports whether a segment can be deleted: the active one lives on.
func (l *Log) isDrained(s *segment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return s.live == 0 && s != l.active
}

func (l *Log) remove(s *segment) error {
	if err := s.remove(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.DiskBytes -= s.size + s.marked
	l.grow(s, -s.room)
	delete(l.segments, s)
	delete(l.owing, s)
	return nil
}

func (l *Log) mark(s *segment) error {
	l.mu.Lock()
	offsets := s.unmarked
	s.unmarked = nil
	l.mu.Unlock()
	if len(offsets) == 0 {
		l.owesNothing(s)
		return nil
	}
	n, err := s.mark(offsets)
	l.mu.Lock()
	l.stats.DiskBytes += n
	l.grow(s, -n)
	if n == 0 {
		s.unmarked = append(s.unmarked, offsets...)
	}
	l.mu.Unlock()
	l.owesNothing(s)
	return err
}

// owesNothing forgets a segment of which nothing is owed, if that is still so.
func (l *Log) owesNothing(s *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(s.unmarked) == 0 && (s.live > 0 || s == l.active) {
		delete(l.owing, s)
	}
}
