package scrape

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// quota keeps a job within its budget of samples: it chooses the targets of highest priority, and of those of the same
// priority always the same ones, as many as there is room for. How large a page is, is known from the last one; a target
// that was never scraped counts like the average one. Who has failed for long counts for nothing, so that others can be
// scraped meanwhile. The nil quota has room for all.
type quota struct {
	limit int

	mu      sync.Mutex
	members map[*share]bool
	// changed says that the choice made at chosen is to be made again, order that members are as many as before.
	changed bool
	chosen  time.Time
	order   []*share
	// used is what those that are chosen count.
	used int
}

// share is the part of a target.
type share struct {
	priority int
	hash     uint64
	samples  int
	known    bool
	// failing is since when it has failed, asked when it was scraped.
	failing, asked time.Time
	// judged says that there was a choice, chosen what it was, counted for how many samples.
	judged, chosen bool
	counted        int
}

const (
	// chooseEvery is how often pages of other sizes make the choice another one.
	chooseEvery = time.Second
	// slack is the share of the budget that has to be free, too, before a target is let in: those at the edge would come
	// and go.
	slack = 20
	// forgiven is how long a target may fail before its room is another's.
	forgiven = 2 * time.Minute
	// measureEvery is how often a target that is left out is scraped to learn whether it is smaller now.
	measureEvery = 10 * time.Minute
)

func newQuota(limit int) *quota {
	if limit <= 0 {
		return nil
	}
	return &quota{limit: limit, members: map[*share]bool{}}
}

// join adds a target.
func (q *quota) join(t *target) *share {
	if q == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s := &share{priority: t.priority, hash: t.hash}
	q.members[s] = true
	q.changed, q.order = true, nil
	return s
}

func (q *quota) leave(s *share) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.members, s)
	q.changed, q.order = true, nil
	if s.chosen {
		q.used -= s.counted
	}
	s.chosen = false
}

// inherit gives a target what is known of it by another share.
func (q *quota) inherit(s, before *share) {
	if q == nil || before == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s.samples, s.known, s.failing, s.asked = before.samples, before.known, before.failing, before.asked
	q.changed = true
}

// saw notes the size of a page, and reports whether there is room for it.
func (q *quota) saw(s *share, samples int, now time.Time) bool {
	if q == nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed = q.changed || !s.known || s.samples != samples || s.counted != samples
	s.samples, s.known, s.failing, s.asked = samples, true, time.Time{}, now
	if s.chosen {
		q.used += samples - s.counted
		s.counted = samples
	}
	if q.used > q.limit || !s.chosen && q.changed && now.Sub(q.chosen) >= chooseEvery {
		q.choose(now)
	}
	return s.chosen
}

// failed notes that there was no page.
func (q *quota) failed(s *share, now time.Time) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s.asked = now
	if s.failing.IsZero() {
		s.failing = now
	}
	q.changed = q.changed || s.counted > 0 && s.down(now)
}

// down reports whether no page is to be expected. A target that has had one may fail now and then.
func (s *share) down(now time.Time) bool {
	return !s.failing.IsZero() && (!s.known || now.Sub(s.failing) >= forgiven)
}

// has reports whether a target is to be scraped: there is room for it, or it is to be measured again.
func (q *quota) has(s *share, now time.Time) bool {
	if q == nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.changed && (!s.judged || now.Sub(q.chosen) >= chooseEvery) {
		q.choose(now)
	}
	return s.chosen || s.known && now.Sub(s.asked) >= measureEvery
}

func (q *quota) choose(now time.Time) {
	q.changed, q.chosen, q.used = false, now, 0
	if q.order == nil {
		q.order = slices.SortedFunc(maps.Keys(q.members), func(a, b *share) int {
			return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.hash, b.hash))
		})
	}
	average := q.average()
	for _, s := range q.order {
		s.judged = true
		s.counted = s.expected(average, now)
		room := q.limit
		if !s.chosen && s.known {
			room -= q.limit / slack
		}
		if s.chosen = q.used+s.counted <= room; s.chosen {
			q.used += s.counted
		}
	}
}

// expected is how many samples the next page is taken to have.
func (s *share) expected(average int, now time.Time) int {
	switch {
	case s.down(now):
		return 0
	case !s.known:
		return average
	default:
		return s.samples
	}
}

// average is what a target is taken for that was never scraped. If nothing is known, ten are tried at first.
func (q *quota) average() int {
	known, samples := 0, 0
	for s := range q.members {
		if s.known {
			known++
			samples += s.samples
		}
	}
	if known == 0 {
		return max(1, q.limit/10)
	}
	return max(1, samples/known)
}
