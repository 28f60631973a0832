package scrape

import (
	"cmp"
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
	for _, s := range slices.SortedFunc(maps.Keys(sizes), func(a, b *share) int { return cmp.Compare(b.priority, a.priority) }) {
		q.saw(s, sizes[s], now)
	}
	now = now.Add(chooseEvery)
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
				q.saw(s, 50+(round+i)%2, now)
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
	q.saw(low, 80, now)
	require.True(t, q.has(low, now))
	high := q.join(member(1, 2))
	require.True(t, q.has(high, now))
	q.saw(high, 80, now)
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
				if got := q.saw(s, sizes[s], now); got != s.chosen {
					t.Fatal("a page is passed on without a place, or has one and is not")
				}
			},
			"fail": func(t *rapid.T) {
				if len(members) == 0 {
					t.Skip()
				}
				q.failed(members[rapid.IntRange(0, len(members)-1).Draw(t, "which")], now)
			},
			"wait": func(*rapid.T) { now = now.Add(forgiven) },
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
				q.saw(s, sizes[s], now)
			},
			"": func(t *rapid.T) {
				requireTold(t, q)
				now = now.Add(chooseEvery)
				used, least := 0, limit
				for _, s := range members {
					has := q.has(s, now)
					switch {
					case s.chosen:
						used += s.counted
						if s.counted != sizes[s] && !s.down(now) {
							t.Fatalf("%d count as %d", sizes[s], s.counted)
						}
					case s.down(now):
					case has && now.Sub(s.asked) < measureEvery:
						t.Fatal("scraped for nothing")
					default:
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

// requireTold demands at any time that pages which are passed on are within the limit, and that the sum is right.
func requireTold(t *rapid.T, q *quota) {
	used := 0
	for s := range q.members {
		if s.chosen {
			used += s.counted
		}
	}
	if used != q.used || used > q.limit {
		t.Fatalf("%d, and it says %d of %d", used, q.used, q.limit)
	}
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

func TestABudgetIsNotHeldByTargetsThatNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(Protection{Jobs: map[string]JobProtection{"j": {SampleBudget: 100}}}))
		defer w.stop()
		var names []string
		for i := range 40 {
			host := fmt.Sprintf("h%02d:1", i)
			names = append(names, "'"+host+"'")
			if i >= 15 {
				w.page(host, tenSamples)
			}
		}
		w.scrape(targetsOf("j", strings.Join(names, ", "),
			"relabel_configs: [{source_labels: [__address__], regex: 'h(0.|1[0-4]):1', target_label: __scrape_priority__, replacement: '5'}]"))
		time.Sleep(5 * time.Minute)
		assert.Positive(t, w.outcomes()[OK], "the first fifteen are all down")

		for i := range 15 {
			w.page(fmt.Sprintf("h%02d:1", i), tenSamples)
		}
		time.Sleep(time.Minute)
		before := w.count("")
		time.Sleep(time.Minute)
		for _, target := range w.State()["j"].Targets {
			assert.True(t, target.Priority == 5 || target.Skipped == SkipBudget, "%v %v", target.Labels, target.Skipped)
		}
		assert.Equal(t, before, w.count(""))
	})
}

func TestAPageThatGrowsBeyondTheBudgetIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(Protection{Jobs: map[string]JobProtection{"j": {SampleBudget: 15}}}))
		defer w.stop()
		w.page("a:1", tenSamples)
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(time.Minute)
		taken := len(w.times("j"))
		w.page("a:1", tenSamples+"k 1\nl 1\nm 1\nn 1\no 1\np 1\n")
		time.Sleep(time.Minute)
		assert.Empty(t, w.stale())
		w.page("a:1", tenSamples)
		assert.Len(t, w.times("j"), taken)
		assert.Empty(t, w.times("p"), "it is not within the budget")
		assert.Equal(t, 1, w.outcomes()[OverBudget])
		assert.Equal(t, 6, w.skips()[SkipBudget], "one page that was read, and turns")
		assert.Equal(t, 16, w.skipped[0].Samples)
		assert.Len(t, w.ups("a:1"), 12)
		time.Sleep(measureEvery)
		assert.Greater(t, len(w.times("j")), taken, "it is looked again after a while, and fits")
		assert.NotContains(t, w.ups("a:1"), 0.0)
		assert.Equal(t, scrapeNow, w.target("j").Skipped)
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
