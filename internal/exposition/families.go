package exposition

import (
	"slices"
	"strings"
)

// openFamily returns the family of a metric with its lock held, or the reason for which it has none and the family in the
// way, which is nil if that is in another store.
func (s *Store) openFamily(d *descriptor) (*family, *family, Reason) {
	for {
		f := d.family.Load()
		if f == nil {
			var owner *family
			var reason Reason
			if f, owner, reason = s.claimFamily(d); f == nil {
				return nil, owner, reason
			}
			d.family.Store(f)
		}
		f.mu.Lock()
		if !f.dead.Load() {
			return f, nil, ""
		}
		f.mu.Unlock()
		d.family.CompareAndSwap(f, nil)
	}
}

// claimFamily finds or makes a family. A family in its way that has only expired series gives way.
func (s *Store) claimFamily(d *descriptor) (f, owner *family, reason Reason) {
	if f, owner, reason = s.tryClaim(d); f != nil || owner == nil || !s.mayExpire(owner) {
		return f, owner, reason
	}
	s.overdue.Add(int64(s.expireFamily(owner)))
	return s.tryClaim(d)
}

// mayExpire bounds how often conflicts lead to a walk over a family.
func (s *Store) mayExpire(f *family) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := s.now()
	if s.opts.Expiration <= 0 || f.mu.looked > 0 && now-f.mu.looked < int64(s.opts.Expiration)/4 {
		return false
	}
	f.mu.looked = max(now, 1)
	return true
}

func (s *Store) tryClaim(d *descriptor) (f, owner *family, reason Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.mu.families[d.name]; f != nil {
		if f.typ != d.kind.typ {
			return nil, f, ReasonTypeConflict
		}
		return f, nil, ""
	}
	if owner, taken := s.mu.samples.owner(d.name, d.kind.typ); taken {
		return nil, s.mu.families[owner], ReasonNameConflict
	}
	if reason := s.siblings.claim(d.name, d.kind.typ); reason != "" {
		return nil, nil, reason
	}
	f = newFamily(d.name, d.kind)
	s.mu.families[d.name] = f
	s.mu.samples.claim(f.name, f.typ)
	s.mu.catalog = nil
	return f, nil, ""
}

// dropIfEmpty removes a family without series, so that another type may take its name.
func (s *Store) dropIfEmpty(f *family) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead.Load() || f.mu.series.Len() > 0 {
		return
	}
	f.dead.Store(true)
	delete(s.mu.families, f.name)
	s.mu.samples.release(f.name, f.typ)
	s.siblings.release(f)
	s.mu.catalog = nil
	s.memory.add(-int64(f.mu.accounted))
	f.mu.accounted = 0
}

// catalog is the families at one time, sorted by name. It is immutable.
type catalog struct {
	families []*family
	// openMetrics says how OpenMetrics calls each of them.
	openMetrics []openMetricsFamily
}

func (s *Store) currentCatalog() *catalog {
	s.mu.RLock()
	c := s.mu.catalog
	s.mu.RUnlock()
	if c != nil {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.catalog == nil {
		s.mu.catalog = newCatalog(s.mu.families)
	}
	return s.mu.catalog
}

func newCatalog(families map[string]*family) *catalog {
	c := &catalog{families: make([]*family, 0, len(families))}
	for _, f := range families {
		c.families = append(c.families, f)
	}
	slices.SortFunc(c.families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	c.openMetrics = openMetricsFamilies(c.families)
	return c
}
