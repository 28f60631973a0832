package exposition

import (
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// snapshot is one family as it was under the lock.
type snapshot struct {
	heading
	entries []entry
}

type entry struct {
	key    string
	metric *dto.Metric
}

// Gather returns all families sorted by name, their series sorted by labels. The messages are shared with the store
// and other callers and must not be changed. It never returns an error.
func (s *Store) Gather() ([]*dto.MetricFamily, error) {
	shots := s.snapshot()
	slices.SortFunc(shots, func(a, b snapshot) int { return strings.Compare(a.name, b.name) })
	mfs := make([]*dto.MetricFamily, 0, len(shots))
	for i := range shots {
		mfs = append(mfs, shots[i].message())
	}
	return mfs, nil
}

func (s *Store) snapshot() []snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := time.Now()
	shots := make([]snapshot, 0, len(s.mu.families))
	for _, f := range s.mu.families {
		if shot := s.snapshotOf(f, now); len(shot.entries) > 0 {
			shots = append(shots, shot)
		}
	}
	return shots
}

// snapshotOf leaves out what has expired and only waits for Expire.
func (s *Store) snapshotOf(f *family, now time.Time) snapshot {
	shot := snapshot{heading: f.heading, entries: make([]entry, 0, len(f.series))}
	for key, sr := range f.series {
		if !s.expired(sr, now) {
			shot.entries = append(shot.entries, entry{key, sr.metric})
		}
	}
	return shot
}

func (sh *snapshot) message() *dto.MetricFamily {
	slices.SortFunc(sh.entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	mf := &dto.MetricFamily{
		Name:   new(sh.name),
		Help:   new(sh.help),
		Type:   new(sh.typ),
		Unit:   unitOf(sh.name, sh.unit, sh.typ),
		Metric: make([]*dto.Metric, len(sh.entries)),
	}
	for i, e := range sh.entries {
		mf.Metric[i] = e.metric
	}
	return mf
}

// unitOf returns the unit if the name ends with it, else nil: OpenMetrics parsers refuse a page with any other unit.
func unitOf(name, unit string, typ dto.MetricType) *string {
	if typ == dto.MetricType_COUNTER {
		name = strings.TrimSuffix(name, "_total")
	}
	if unit == "" || !strings.HasSuffix(name, "_"+unit) || len(name) == len(unit)+1 {
		return nil
	}
	return new(unit)
}
