package exposition

// Expire removes the series that were not updated for Options.Expiration and returns how many there were. It also gives
// back the memory of series that went otherwise, so it is to be called when nothing ever expires too.
func (s *Store) Expire() int {
	expired := 0
	for _, f := range s.currentCatalog().families {
		expired += s.expireFamily(f)
	}
	s.metrics.trim()
	return expired + int(s.overdue.Swap(0))
}

func (s *Store) expireFamily(f *family) int {
	gone := s.removeExpired(f)
	s.finish(&gone)
	s.dropIfEmpty(f)
	return gone.series
}

func (s *Store) removeExpired(f *family) (gone removals) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead.Load() {
		return gone
	}
	now := s.now()
	for slot, r := range f.mu.series.Slots(0, f.mu.series.End()) {
		if s.expired(r, now) {
			s.remove(f, slot, &gone)
		}
	}
	f.compact()
	s.account(f)
	return gone
}

func (s *Store) expired(r *record, now int64) bool {
	return s.opts.Expiration > 0 && now-r.updated >= int64(s.opts.Expiration)
}

// removals is what is to be done after series were removed, without the lock of their family.
type removals struct {
	series    int
	resources []*resource
}

// remove forgets a series; the caller holds the family's lock, and calls finish without it.
func (s *Store) remove(f *family, slot uint32, gone *removals) {
	r := f.mu.series.At(slot)
	f.mu.labels.Remove(r.labels, slot, f.labelsHome)
	if r.scope != 0 {
		gone.release(&s.contexts, s.contexts.scope(r.scope))
	}
	if st := f.state(slot); st != nil {
		f.forgetState(st)
		f.mu.states[slot] = nil
	}
	f.setExemplar(slot, nil)
	f.setOdd(slot, nil)
	f.mu.series.Remove(slot)
	s.series.Add(-1)
	gone.series++
}

func (g *removals) release(c *contexts, sc *scope) {
	if r := c.release(sc); r != nil {
		g.resources = append(g.resources, r)
	}
}

// finish removes the target_info of resources that have no series any more.
func (s *Store) finish(gone *removals) {
	for _, r := range gone.resources {
		s.removeTargetInfo(r)
	}
}

func (f *family) labelsHome(slot uint32) uint64 { return f.mu.series.At(slot).labels }

// account tells the store what the family's memory has become.
func (s *Store) account(f *family) {
	bytes := f.bytes()
	s.memory.add(int64(bytes - f.mu.accounted))
	f.mu.accounted = bytes
}
