package exposition

import (
	"time"
)

// apply merges one point into the store; the caller holds the lock.
func (s *Store) apply(p *point, now time.Time, out *Outcome) {
	if p.refusal != "" {
		s.skip(p, now, out)
		return
	}
	f, ok := s.claim(p, out)
	if !ok {
		return
	}
	var held *series
	if f != nil {
		held = f.series[p.key]
	}
	switch {
	case held != nil && p.time < held.time:
		out.refuse(ReasonOutOfOrder, 1)
	case p.stale:
		s.applyStale(f, p, out)
	case held != nil:
		s.update(held, p, now, out)
	default:
		s.insert(f, p, now, out)
	}
	if f != nil {
		f.describe(p.help, p.unit)
	}
}

// skip refuses a point without a value.
func (s *Store) skip(p *point, now time.Time, out *Outcome) {
	out.refuse(p.refusal, 1)
	f := s.mu.families[p.name]
	if f == nil || !p.delta {
		return
	}
	if held := f.series[p.key]; held != nil && held.delta {
		held.realign(p, now)
	}
}

// claim returns the family of the point, nil when there is none yet, and false when another family is in the way.
func (s *Store) claim(p *point, out *Outcome) (*family, bool) {
	if f := s.mu.families[p.name]; f != nil {
		if f.typ != p.typ {
			s.conflict(f, p, ReasonTypeConflict, out)
			return nil, false
		}
		return f, true
	}
	if owner, taken := s.mu.samples.owner(p.name, p.typ); taken {
		s.conflict(s.mu.families[owner], p, ReasonNameConflict, out)
		return nil, false
	}
	return nil, true
}

func (s *Store) conflict(owner *family, p *point, reason Reason, out *Outcome) {
	out.refuse(reason, 1)
	if owner.warned {
		return
	}
	owner.warned = true
	out.Conflicts = append(out.Conflicts, Conflict{Family: p.name, Owner: owner.name, Reason: reason})
}

func (s *Store) applyStale(f *family, p *point, out *Outcome) {
	out.Accepted++
	if f != nil {
		s.remove(f, p.key)
	}
}

func (s *Store) insert(f *family, p *point, now time.Time, out *Outcome) {
	replaced := s.replaceTarget(f, p)
	if !replaced && s.opts.MaxSeries > 0 && s.mu.series >= s.opts.MaxSeries {
		out.refuse(ReasonMaxSeries, 1)
		return
	}
	if f = s.mu.families[p.name]; f == nil {
		f = &family{heading: p.heading, series: make(map[string]*series)}
		s.mu.families[p.name] = f
		s.mu.samples.claim(p.name, p.typ)
	}
	f.series[p.key] = &series{metric: p.metric, time: p.time, delta: p.delta, batch: s.mu.batch, updated: now}
	s.mu.series++
	p.accept(out)
	if p.target {
		s.mu.targets[p.targetKey] = p.key
	}
}

// replaceTarget removes the target_info a new one of the same target takes the place of.
func (s *Store) replaceTarget(f *family, p *point) bool {
	if !p.target || f == nil {
		return false
	}
	old, known := s.mu.targets[p.targetKey]
	if known {
		s.remove(f, old)
	}
	return known
}

// update replaces the state of a series by a point that is not older.
func (s *Store) update(held *series, p *point, now time.Time, out *Outcome) {
	if held.delta != p.delta {
		out.refuse(ReasonTemporalityConflict, 1)
		return
	}
	metric := p.metric
	if p.delta {
		if reason, ok := aligned(held, p); !ok {
			out.refuse(reason, 1)
			held.realign(p, now)
			return
		}
		metric = accumulate(held.metric, p.metric)
	}
	if held.batch == s.mu.batch && held.time == p.time && !p.target {
		out.refuse(ReasonDuplicateSeries, 1)
		out.Accepted--
	}
	held.metric, held.time, held.batch, held.updated = metric, p.time, s.mu.batch, now
	p.accept(out)
}
