package scrape

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/breaker"
)

// protect is a change of settings.
func protect(p Protection) func(*Settings) { return func(s *Settings) { s.Protection = p } }

func breaks() *breaker.Config {
	return &breaker.Config{Threshold: 3, Timeout: 30 * time.Second, MaxTimeout: 2 * time.Minute, Probes: 1}
}

// answer answers with a code, and what it asks for.
func answer(code int, retryAfter string) http.HandlerFunc {
	return func(out http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			out.Header().Set("Retry-After", retryAfter)
		}
		out.WriteHeader(code)
	}
}

// ups are the values of up, one a turn.
func (w *world) ups(instance string) (values []float64) {
	for _, p := range w.got("up") {
		if p.instance == instance {
			values = append(values, p.value)
		}
	}
	return values
}

func TestAnOpenBreakerKeepsUpAtZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(Protection{Breaker: breaks()}))
		defer w.stop()
		w.page("a:1", "m 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.untilScraped("a:1")
		w.serve("a:1", answer(http.StatusInternalServerError, ""))
		time.Sleep(5 * time.Minute)
		var gaps []time.Duration
		asked := w.asked("a:1")
		for i := 1; i < len(asked); i++ {
			gaps = append(gaps, asked[i]-asked[i-1])
		}
		s := time.Second
		assert.Equal(t, []time.Duration{10 * s, 10 * s, 10 * s, 30 * s, 60 * s, 120 * s}, gaps, "3 failures, then each probe after twice the time")
		ups := w.ups("a:1")
		require.Len(t, ups, 31, "one a turn")
		for _, up := range ups[1:] {
			assert.Zero(t, up)
		}
		times := w.times("up")
		for i := 1; i < len(times); i++ {
			assert.Equal(t, 10*time.Second, times[i].Sub(times[i-1]))
		}
		assert.Equal(t, []string{"m"}, w.stale(), "once, at the first failure")
		assert.Equal(t, map[Skip]int{SkipBreaker: 31 - len(asked)}, w.skips())
		state := w.target("j")
		assert.Equal(t, SkipBreaker, state.Skipped)
		assert.Equal(t, breaker.Open, state.Breaker.State)

		w.page("a:1", "m 2\n")
		time.Sleep(2 * time.Minute)
		assert.Equal(t, breaker.Closed, w.target("j").Breaker.State)
		ups = w.ups("a:1")
		assert.InDelta(t, 1, ups[len(ups)-1], 0)
		open, half := breaker.Open, breaker.HalfOpen
		assert.Equal(t, []breaker.State{open, half, open, half, open, half, open, half, breaker.Closed}, w.breaks)
	})
}

func TestATargetThatAsksIsLeftAlone(t *testing.T) {
	for _, tt := range []struct {
		name       string
		code       int
		retryAfter string
		next       time.Duration
	}{
		{"429 in seconds", http.StatusTooManyRequests, "45", 50 * time.Second},
		{"503 at a time", http.StatusServiceUnavailable, bubble.Add(time.Minute).Format(http.TimeFormat), 60 * time.Second},
		{"429 for too long", http.StatusTooManyRequests, "86400", 120 * time.Second},
		{"429 for ever", http.StatusTooManyRequests, "99999999999999999999", 120 * time.Second},
		{"429 without", http.StatusTooManyRequests, "", 10 * time.Second},
		{"nonsense", http.StatusServiceUnavailable, "soon", 10 * time.Second},
		{"in the past", http.StatusServiceUnavailable, "-5", 10 * time.Second},
		{"500 must not ask", http.StatusInternalServerError, "45", 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, protect(Protection{Breaker: breaks()}))
				defer w.stop()
				w.serve("a:1", answer(tt.code, tt.retryAfter))
				w.scrape(targetsOf("j", "'a:1'"))
				time.Sleep(4 * time.Minute)
				asked := w.asked("a:1")
				require.Greater(t, len(asked), 1)
				assert.Equal(t, tt.next, asked[1]-asked[0])
			})
		})
	}
}

func TestASkippedTargetRepeatsItsLastUp(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    Protection
	}{
		{"its bucket", Protection{TargetRate: Rate{PerSecond: 1.0 / 60, Burst: 1}}},
		{"the bucket of the job", Protection{JobRate: Rate{PerSecond: 1.0 / 60, Burst: 1}}},
		{"the bucket of all", Protection{Rate: Rate{PerSecond: 1.0 / 60, Burst: 1}}},
		{"its own job's", Protection{Jobs: map[string]JobProtection{"j": {Rate: Rate{PerSecond: 1.0 / 60, Burst: 1}}}}},
	} {
		for up, handler := range map[float64]http.HandlerFunc{
			1: func(out http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(out, "m 1\n") },
			0: answer(http.StatusInternalServerError, ""),
		} {
			t.Run(tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, protect(tt.p))
					defer w.stop()
					w.serve("a:1", handler)
					w.scrape(targetsOf("j", "'a:1'"))
					time.Sleep(5 * time.Minute)
					asked := w.asked("a:1")
					assert.Len(t, asked, 5)
					for i := 1; i < len(asked); i++ {
						assert.Equal(t, time.Minute, (asked[i] - asked[i-1]).Round(time.Millisecond))
					}
					ups := w.ups("a:1")
					assert.Len(t, ups, len(asked)+w.skips()[SkipRateLimit])
					for _, got := range ups {
						assert.InDelta(t, up, got, 0)
					}
					times := w.times("up")
					for i := 1; i < len(times); i++ {
						assert.LessOrEqual(t, times[i].Sub(times[i-1]), 20*time.Second)
						assert.Positive(t, times[i].Sub(times[i-1]))
					}
					assert.Empty(t, w.stale())
					assert.Len(t, w.skips(), 1)
					assert.Len(t, w.logs.FilterMessage("targets are not scraped when they have their turn").All(), 5, "one a minute")
				})
			})
		}
	}
}

func TestATargetThatWasNeverScrapedHasNoUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(Protection{Jobs: map[string]JobProtection{"j": {SampleBudget: 1}}}))
		defer w.stop()
		w.page("a:1", "m 1\nn 1\n")
		w.page("b:1", "m 1\nn 1\n")
		w.scrape(targetsOf("j", "'a:1', 'b:1'"))
		time.Sleep(time.Minute)
		for _, s := range w.State()["j"].Targets {
			assert.Equal(t, SkipBudget, s.Skipped)
			if s.LastScrape.IsZero() {
				assert.Empty(t, w.ups(s.Labels.Get("instance")))
			}
		}
		assert.Positive(t, w.skips()[SkipBudget])
	})
}

// slow answers after a time.
func slow(after time.Duration) http.HandlerFunc {
	return func(out http.ResponseWriter, req *http.Request) {
		select {
		case <-time.After(after):
			_, _ = io.WriteString(out, "m 1\n")
		case <-req.Context().Done():
		}
	}
}

func TestWhoWaitsKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(Protection{MaxConcurrency: 1}))
		defer w.stop()
		hosts := []string{"a:1", "b:1", "c:1", "d:1", "e:1"}
		for _, host := range hosts {
			w.serve(host, slow(4*time.Second))
		}
		w.scrape(targetsOf("j", "'a:1', 'b:1', 'c:1', 'd:1', 'e:1'"))
		time.Sleep(10 * time.Minute)
		for _, host := range hosts {
			asked := w.asked(host)
			for i := 1; i < len(asked); i++ {
				assert.LessOrEqual(t, asked[i]-asked[i-1], 30*time.Second, "5 take 20 s, and a turn is awaited")
			}
			times := w.timesOf("up", host)
			for i := 1; i < len(times); i++ {
				gap := times[i].Sub(times[i-1])
				assert.Positive(t, gap)
				assert.LessOrEqual(t, gap, 20*time.Second)
			}
		}
		assert.InDelta(t, 10*60/4, w.outcomes()[OK], 5, "none of the time is lost")
		assert.Positive(t, w.skips()[SkipConcurrency])
		assert.Empty(t, w.stale())
	})
}

func TestStoppingEndsWaiting(t *testing.T) {
	for name, p := range map[string]Protection{
		"for a token":        {TargetRate: Rate{PerSecond: 1.0 / 8, Burst: 1}},
		"for a token of all": {Rate: Rate{PerSecond: 1.0 / 8, Burst: 1}},
		"for a place":        {MaxConcurrency: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, protect(p))
				w.hang("a:1")
				w.hang("b:1")
				w.scrape(targetsOf("j", "'a:1', 'b:1'"))
				time.Sleep(29 * time.Second)
				w.scrape(targetsOf("j", "'b:1'"))
				begin := time.Now()
				w.stop()
				assert.Zero(t, time.Since(begin))
			})
		})
	}
}

func TestAReloadKeepsWhatIsKnownOfTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(Protection{Breaker: breaks(), TargetRate: Rate{PerSecond: 1.0 / 20, Burst: 1}}))
		defer w.stop()
		w.serve("a:1", answer(http.StatusTooManyRequests, "100"))
		w.page("b:1", "m 1\n")
		w.scrape(targetsOf("one", "'a:1'") + targetsOf("two", "'b:1'"))
		time.Sleep(21 * time.Second)
		for _, limit := range []string{"7", "8", "9"} {
			w.scrape(targetsOf("one", "'a:1'", "sample_limit: "+limit) + targetsOf("two", "'b:1'", "sample_limit: "+limit))
			time.Sleep(20 * time.Second)
			assert.Equal(t, breaker.Open, w.target("one").Breaker.State)
			require.ErrorContains(t, w.target("one").LastError, "429 Too Many Requests")
		}
		assert.Len(t, w.asked("a:1"), 1)
		assert.LessOrEqual(t, len(w.asked("b:1")), 5)
		for _, up := range w.ups("a:1") {
			assert.Zero(t, up)
		}
	})
}

func TestTheLastScrapeStaysWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(Protection{Breaker: breaks(), MaxConcurrency: 1}), func(s *Settings) { s.OnShutdown = true })
		w.serve("a:1", answer(http.StatusTooManyRequests, "100"))
		for _, host := range []string{"b:1", "c:1", "d:1"} {
			w.serve(host, slow(time.Second))
		}
		w.scrape(targetsOf("j", "'a:1', 'b:1', 'c:1', 'd:1'"))
		time.Sleep(11 * time.Second)
		before := len(w.asked("b:1"))
		begin := time.Now()
		w.stop()
		assert.GreaterOrEqual(t, time.Since(begin), 3*time.Second, "one at a time")
		assert.Len(t, w.asked("a:1"), 1)
		assert.Len(t, w.asked("b:1"), before+1)
	})
}

func TestATokenThatWasAwaitedIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(Protection{TargetRate: Rate{PerSecond: 0.1, Burst: 1}}))
		defer w.stop()
		w.page("a:1", "m 1\n")
		late := true
		w.consumes(func(context.Context) error {
			if late {
				time.Sleep(10*time.Second + 5*time.Millisecond) // the next turn is not at the time it was due
				late = false
			}
			return nil
		})
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(2*time.Minute + time.Second)
		asked := w.asked("a:1")
		for i := 1; i < len(asked); i++ {
			assert.LessOrEqual(t, asked[i]-asked[i-1], 10*time.Second+10*time.Millisecond, "a token comes every ten seconds")
		}
		assert.Zero(t, w.skips()[SkipRateLimit])
	})
}

// Tokens are not hoarded by who waits for a place.
func TestTheRateIsKeptAfterPlacesWereTaken(t *testing.T) {
	r := Rate{PerSecond: 2, Burst: 3}
	for name, p := range map[string]Protection{
		"of all":               {Rate: r, MaxConcurrency: 2},
		"of the job":           {JobRate: r, MaxConcurrency: 2},
		"of both":              {Rate: r, JobRate: Rate{PerSecond: 3, Burst: 1}, MaxConcurrency: 2},
		"and the job's places": {Rate: r, Jobs: map[string]JobProtection{"j": {Rate: r, MaxConcurrency: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, protect(p))
				defer w.stop()
				var list []string
				for _, host := range hosts("h", 50) {
					list = append(list, "'"+host+"'")
					w.hang(host)
				}
				w.scrape(targetsOf("j", strings.Join(list, ", ")))
				time.Sleep(45 * time.Second)
				skips := w.skips()
				assert.Greater(t, w.Load().Waiting, 40)
				for _, host := range hosts("h", 50) {
					w.page(host, "m 1\n")
				}
				time.Sleep(time.Minute)
				var asked []time.Duration
				w.locked(func() {
					for _, r := range w.requests {
						asked = append(asked, r.at.Sub(bubble))
					}
				})
				requireWithin(t, Rate{r.PerSecond, r.Burst + 1}, "all", asked)
				assert.Greater(t, len(asked), 2*60, "no token is lost")
				assert.Greater(t, skips[SkipConcurrency], 5*skips[SkipRateLimit], "they tell what they wait for: %v", skips)
			})
		})
	}
}
