package buffer

import (
	"context"
	"sync"
	"time"
)

// slots are places for deliveries. There are more of them, up to max, while lanes wait and batches are taken, and half as
// many, down to min, after a batch was refused. Where all of them hang, there is one more after each patience.
type slots struct {
	min, max int

	mu          sync.Mutex
	limit, used int
	moved       time.Time       // when a place was taken or left
	waiting     []chan struct{} // one for each lane that waits: their number bounds it
}

// patience is how long those that wait let nothing happen.
const patience = time.Second

func newSlots(least, most int) *slots { return &slots{min: least, max: most, limit: least} }

// enter waits for a place, in the order of calls.
func (s *slots) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	turn := make(chan struct{})
	s.waiting = append(s.waiting, turn)
	s.admit()
	s.mu.Unlock()
	return s.await(ctx, turn)
}

func (s *slots) await(ctx context.Context, turn chan struct{}) error {
	select {
	case <-turn:
		return nil
	default:
	}
	t := time.NewTicker(patience)
	defer t.Stop()
	for {
		select {
		case <-turn:
			return nil
		case <-t.C:
			s.widen()
		case <-ctx.Done():
			s.giveUp(turn)
			return ctx.Err()
		}
	}
}

// widen adds a place where all hang.
func (s *slots) widen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used >= s.limit && time.Since(s.moved) >= patience {
		s.limit = min(s.max, s.limit+1)
		s.admit()
	}
}

func (s *slots) giveUp(turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.waiting {
		if other == turn {
			s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
			return
		}
	}
	s.used-- // it was let in meanwhile
	s.moved = time.Now()
	s.admit()
}

// leave gives the place back, and tells what came of it.
func (s *slots) leave(taken bool) {
	s.mu.Lock()
	switch {
	case !taken:
		s.limit = max(s.min, s.limit/2)
	case len(s.waiting) > 0:
		s.limit = min(s.max, s.limit+1)
	}
	s.mu.Unlock()
	s.yield()
}

// yield gives the place back without having used it.
func (s *slots) yield() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	s.moved = time.Now()
	s.admit()
}

// admit lets in who fits. s.mu is held.
func (s *slots) admit() {
	for len(s.waiting) > 0 && s.used < s.limit {
		s.used++
		s.moved = time.Now()
		close(s.waiting[0])
		s.waiting = s.waiting[1:]
	}
}

func (s *slots) now() (used, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, s.limit
}
