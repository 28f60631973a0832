package exposition

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Store keeps the latest cumulative state of every series. All methods may be called concurrently.
type Store struct {
	opts  Options
	names translator

	mu struct {
		sync.RWMutex
		families map[string]*family
		samples  nameTable
		// targets maps a target to the key of its target_info series.
		targets map[string]string
		series  int
		batch   uint64
	}
}

// NewStore returns an empty store. It starts no goroutine: the caller calls Expire from time to time.
func NewStore(opts Options) *Store {
	s := &Store{opts: opts, names: newTranslator(opts.Strategy)}
	s.mu.families = make(map[string]*family)
	s.mu.samples = make(nameTable)
	s.mu.targets = make(map[string]string)
	return s
}

// Add takes a batch and reports what became of its points. It keeps nothing of md but strings, changes nothing in it,
// and makes all of the batch visible at once.
func (s *Store) Add(md pmetric.Metrics) Outcome {
	b := batch{names: &s.names, opts: &s.opts}
	b.read(md)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.batch++
	now := time.Now()
	for i := range b.points {
		s.apply(&b.points[i], now, &b.out)
	}
	return b.out
}

// Len returns the number of series held.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.series
}

// Expire removes the series that were not updated for Options.Expiration and returns how many there were.
func (s *Store) Expire() int {
	if s.opts.Expiration <= 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, expired := time.Now(), 0
	for _, f := range s.mu.families {
		for key, sr := range f.series {
			if s.expired(sr, now) {
				s.remove(f, key)
				expired++
			}
		}
	}
	s.forgetTargets()
	return expired
}

func (s *Store) expired(sr *series, now time.Time) bool {
	return s.opts.Expiration > 0 && now.Sub(sr.updated) >= s.opts.Expiration
}

// forgetTargets drops the targets whose target_info is gone.
func (s *Store) forgetTargets() {
	info := s.mu.families[targetInfoName]
	for id, key := range s.mu.targets {
		if info == nil || info.series[key] == nil {
			delete(s.mu.targets, id)
		}
	}
}

// remove drops a series, and its family with the last one, so that another type may take the name.
func (s *Store) remove(f *family, key string) {
	if _, held := f.series[key]; !held {
		return
	}
	delete(f.series, key)
	s.mu.series--
	if len(f.series) == 0 {
		delete(s.mu.families, f.name)
		s.mu.samples.release(f.name, f.typ)
	}
}
