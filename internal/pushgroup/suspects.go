package pushgroup

import "sync"

// maxSuspects bounds the families remembered as suspect.
const maxSuspects = 100

// suspects are families that were refused in some group: the same conflict is likely in others. When there are too many,
// all are forgotten.
type suspects struct {
	mu    sync.Mutex
	names map[string]struct{}
}

func (s *suspects) add(name []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil || len(s.names) >= maxSuspects {
		s.names = make(map[string]struct{})
	}
	s.names[string(name)] = struct{}{}
}

func (s *suspects) has(name []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.names[string(name)]
	return ok
}
