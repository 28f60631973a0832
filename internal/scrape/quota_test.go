package scrape

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func member(priority int, hash uint64) *target { return &target{priority: priority, hash: hash} }

func TestTheQuotaKeepsWhatItCan(t *testing.T) {
	now := bubble
	q := newQuota(100)
	sizes := map[*share]int{}
	for _, m := range []struct{ priority, size int }{{0, 40}, {0, 40}, {1, 50}, {2, 120}, {-1, 10}} {
		sizes[q.join(member(m.priority, uint64(m.size)))] = m.size
	}
	for s, size := range sizes {
		q.saw(s, size)
	}
	var chosen []int
	for s, size := range sizes {
		if q.has(s, now) {
			chosen = append(chosen, size)
		}
	}
	slices.Sort(chosen)
	assert.Equal(t, []int{40, 50}, chosen, "the largest has no room alone, the last one is in the slack")
}

func TestTheQuotaIsStable(t *testing.T) {
	now := bubble
	q := newQuota(1000)
	var members []*share
	for i := range 30 {
		members = append(members, q.join(member(0, uint64(i))))
	}
	before := map[*share]bool{}
	for round := range 50 {
		now = now.Add(10 * time.Second)
		for i, s := range members {
			if q.has(s, now) {
				q.saw(s, 50+(round+i)%2)
			}
		}
		for _, s := range members {
			if round > 2 {
				require.Equal(t, before[s], q.has(s, now), "round %d", round)
			}
			before[s] = q.has(s, now)
		}
	}
	assert.Contains(t, slices.Collect(maps.Values(before)), true)
}

func TestTheQuotaMakesRoom(t *testing.T) {
	now := bubble
	q := newQuota(100)
	low := q.join(member(0, 1))
	q.saw(low, 80)
	require.True(t, q.has(low, now))
	high := q.join(member(1, 2))
	require.True(t, q.has(high, now))
	q.saw(high, 80)
	now = now.Add(chooseEvery)
	assert.True(t, q.has(high, now))
	assert.False(t, q.has(low, now))
	q.leave(high)
	assert.True(t, q.has(low, now.Add(chooseEvery)))
}

func TestTheQuotaIsNotExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := bubble
		limit := rapid.IntRange(1, 1000).Draw(t, "limit")
		q := newQuota(limit)
		sizes := map[*share]int{}
		var members []*share
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				s := q.join(member(rapid.IntRange(-1, 1).Draw(t, "priority"), rapid.Uint64().Draw(t, "hash")))
				members = append(members, s)
				sizes[s] = rapid.IntRange(0, 300).Draw(t, "size")
				q.saw(s, sizes[s])
			},
			"leave": func(t *rapid.T) {
				if len(members) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(members)-1).Draw(t, "which")
				q.leave(members[i])
				members = slices.Delete(members, i, i+1)
			},
			"grow": func(t *rapid.T) {
				if len(members) == 0 {
					t.Skip()
				}
				s := members[rapid.IntRange(0, len(members)-1).Draw(t, "which")]
				sizes[s] = rapid.IntRange(0, 300).Draw(t, "size")
				q.saw(s, sizes[s])
			},
			"": func(t *rapid.T) {
				now = now.Add(chooseEvery)
				used, least := 0, limit
				for _, s := range members {
					if q.has(s, now) {
						used += sizes[s]
					} else {
						least = min(least, sizes[s])
					}
				}
				if used > limit {
					t.Fatalf("%d of %d", used, limit)
				}
				if room := limit - limit/slack - used; len(members) > 0 && least < limit && least < room {
					t.Fatalf("%d are left out, and there is room for %d", least, room)
				}
			},
		})
	})
}

func TestABudgetIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := map[string]int{"j": 1000}
		const budget = 5000
		s := newSimulation(t, jobs, everyTurn, Protection{Jobs: map[string]JobProtection{"j": {SampleBudget: budget}}})
		defer s.stop()
		s.all(jobs, func(req *http.Request) (*http.Response, error) { return reply(req, http.StatusOK, tenSamples, ""), nil })
		s.begin(jobs)
		time.Sleep(2 * time.Minute)
		from := time.Since(bubble)
		time.Sleep(5 * time.Minute)
		s.mu.Lock()
		defer s.mu.Unlock()
		kept := 0
		for host, asked := range s.asked {
			n := len(slices.DeleteFunc(slices.Clone(asked), func(at time.Duration) bool { return at < from }))
			if n > 0 {
				kept++
				assert.Equal(t, 10, n, "%s is scraped at each turn", host)
			}
		}
		assert.InDelta(t, budget/10, kept, budget/10/slack)
		assert.Positive(t, s.skipped[SkipBudget])
		assert.Zero(t, s.stale)
	})
}

func TestThePriorityIsALabel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(Protection{Jobs: map[string]JobProtection{"j": {SampleBudget: 25}}}))
		defer w.stop()
		var names []string
		for i := range 9 {
			host := fmt.Sprintf("h%d:1", i)
			names = append(names, "'"+host+"'")
			w.page(host, tenSamples)
		}
		w.scrape(targetsOf("j", strings.Join(names, ", "),
			"relabel_configs: [{source_labels: [__address__], regex: 'h([37]):1', target_label: __scrape_priority__, replacement: '5'}]"))
		time.Sleep(5 * time.Minute)
		for _, target := range w.State()["j"].Targets {
			host := target.Labels.Get("instance")
			important := host == "h3:1" || host == "h7:1"
			assert.Equal(t, map[bool]int{true: 5}[important], target.Priority)
			if important {
				assert.Equal(t, scrapeNow, target.Skipped, host)
			} else {
				assert.Equal(t, SkipBudget, target.Skipped, host)
			}
		}
		assert.Positive(t, w.skips()[SkipBudget])
	})
}

func TestAPriorityIsAWholeNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.scrape(targetsOf("j", "'a:1'", "relabel_configs: [{target_label: __scrape_priority__, replacement: high}]"))
		logs := w.logs.FilterMessage("a target cannot be scraped").All()
		require.Len(t, logs, 1)
		assert.Contains(t, fmt.Sprint(logs[0].ContextMap()), `__scrape_priority__ must be a whole number, got "high"`)
	})
}
