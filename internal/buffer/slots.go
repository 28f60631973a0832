package buffer

import (
	"context"
	"sync"
)

// slots are places for deliveries. There are more of them, up to max, while lanes wait and batches are taken, and half as
// many, down to min, after a batch was refused.
type slots struct {
	min, max int

	mu          sync.Mutex
	limit, used int
	waiting     []chan struct{} // one for each lane that waits: their number bounds it
}

func newSlots(least, most int) *slots { return &slots{min: least, max: most, limit: least} }

// enter waits for a place, in the order of calls.
func (s *slots) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.used < s.limit && len(s.waiting) == 0 {
		s.used++
		s.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	s.waiting = append(s.waiting, turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		s.giveUp(turn)
		return ctx.Err()
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
	s.admit()
}

// leave gives the place back, and tells what came of it.
func (s *slots) leave(taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	switch {
	case !taken:
		s.limit = max(s.min, s.limit/2)
	case len(s.waiting) > 0:
		s.limit = min(s.max, s.limit+1)
	}
	s.admit()
}

// admit lets in who fits. s.mu is held.
func (s *slots) admit() {
	for len(s.waiting) > 0 && s.used < s.limit {
		s.used++
		close(s.waiting[0])
		s.waiting = s.waiting[1:]
	}
}

func (s *slots) now() (used, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, s.limit
}
