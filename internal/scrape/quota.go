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
// that was never scraped counts like the average one. The nil quota has room for all.
type quota struct {
	limit int

	mu      sync.Mutex
	members map[*share]bool
	// changed says that the choice made at chosen is to be made again, order that members are as many as before.
	changed bool
	chosen  time.Time
	order   []*share
}

// share is the part of a target.
type share struct {
	priority int
	hash     uint64
	samples  int
	known    bool
	// judged says that there was a choice, chosen what it was.
	judged, chosen bool
}

// chooseEvery is how often pages of other sizes make the choice another one.
const chooseEvery = time.Second

// slack is the share of the budget that has to be free, too, before a target is let in: those at the edge would come and
// go.
const slack = 20

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
}

// saw notes the size of a page.
func (q *quota) saw(s *share, samples int) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !s.known || s.samples != samples {
		s.samples, s.known, q.changed = samples, true, true
	}
}

// has reports whether there is room for a target.
func (q *quota) has(s *share, now time.Time) bool {
	if q == nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.changed && (!s.judged || now.Sub(q.chosen) >= chooseEvery) {
		q.chosen = now
		q.choose()
	}
	return s.chosen
}

func (q *quota) choose() {
	q.changed = false
	if q.order == nil {
		q.order = slices.SortedFunc(maps.Keys(q.members), func(a, b *share) int {
			return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.hash, b.hash))
		})
	}
	average, used := q.average(), 0
	for _, s := range q.order {
		s.judged = true
		n := s.samples
		if !s.known {
			n = average
		}
		room := q.limit
		if !s.chosen && s.known {
			room -= q.limit / slack
		}
		if s.chosen = used+n <= room; s.chosen {
			used += n
		}
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
