package scrape

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reported are the names of a report.
var reported = []string{
	"scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "scrape_samples_scraped", "scrape_series_added", "up",
}

func TestATargetHasItsTurn(t *testing.T) {
	turns := map[string]time.Duration{}
	for i, external := range []string{"", "", "external_labels: {replica: b}, "} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.stop()
			w.page("a:1", "m 1\n")
			w.page("b:1", "m 1\n")
			start := time.Now()
			w.scrapeFor(external+"scrape_interval: 10s", targetsOf("j", "'a:1', 'b:1'"))
			time.Sleep(time.Duration(35) * time.Second)
			first := map[string]time.Time{}
			for _, p := range w.got("m") {
				if _, ok := first[p.instance]; !ok {
					first[p.instance] = p.at
				}
				assert.Zero(t, p.at.Sub(first[p.instance])%(10*time.Second), "the distances are whole intervals")
			}
			require.Len(t, first, 2)
			assert.NotEqual(t, first["a:1"], first["b:1"])
			turn := first["a:1"].Sub(start)
			assert.LessOrEqual(t, turn, 10*time.Second)
			switch i {
			case 0:
				turns["a:1"] = turn
			case 1:
				assert.Equal(t, turns["a:1"], turn, "the same after a restart")
			default:
				assert.NotEqual(t, turns["a:1"], turn, "another one with other external labels")
			}
		})
	}
}

func TestTimesAreAligned(t *testing.T) {
	begin := time.Unix(1000, 0)
	for _, tt := range []struct {
		interval, late, want, next time.Duration
	}{
		{10 * time.Second, 0, 0, 0},
		{10 * time.Second, 10*time.Second + 2*time.Millisecond, 10 * time.Second, 10 * time.Second},
		{10 * time.Second, 10*time.Second + 3*time.Millisecond, 10*time.Second + 3*time.Millisecond, 10 * time.Second},
		{10 * time.Second, 35 * time.Second, 35 * time.Second, 30 * time.Second},
		{100 * time.Millisecond, 101 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond},
		{100 * time.Millisecond, 102 * time.Millisecond, 102 * time.Millisecond, 100 * time.Millisecond},
		{10 * time.Second, -time.Millisecond, 0, 0},
	} {
		l := &loop{target: &target{interval: tt.interval}}
		at, next := l.align(begin.Add(tt.late), begin)
		assert.Equal(t, begin.Add(tt.want), at, "%v late", tt.late)
		assert.Equal(t, begin.Add(tt.next), next, "%v late", tt.late)
	}
}

func TestASlowScrapeSkipsTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "m 1\n")
		slow := true
		w.consumes(func(context.Context) error {
			if slow {
				slow = false
				time.Sleep(25 * time.Second)
			}
			return nil
		})
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(55 * time.Second)
		times := w.times("m")
		require.GreaterOrEqual(t, len(times), 4)
		var after []time.Duration
		for _, at := range times[:4] {
			after = append(after, at.Sub(times[0]))
		}
		assert.Equal(t, []time.Duration{0, 25 * time.Second, 30 * time.Second, 40 * time.Second}, after)
	})
}

func TestIntervalAndTimeoutOfATarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "m 1\n")
		w.page("b:1", "m 1\n")
		w.scrape(targetsOf("j", "'a:1', 'b:1'", "relabel_configs:",
			"- {source_labels: [__address__], regex: 'b:1', target_label: __scrape_interval__, replacement: 5s}",
			"- {source_labels: [__address__], regex: 'b:1', target_label: __scrape_timeout__, replacement: 1500ms}"))
		time.Sleep(time.Minute + time.Millisecond)
		assert.InDelta(t, 6, w.count("a:1"), 1)
		assert.InDelta(t, 12, w.count("b:1"), 1)
		for _, r := range w.requests {
			want := map[string]string{"a:1": "10", "b:1": "1.5"}[r.host]
			assert.Equal(t, want, r.Get(timeoutHeader), r.host)
		}
	})
}

func TestMarkersOfATargetThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "m 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.untilScraped("a:1")
		last := w.times("up")[0]
		w.scrape(targetsOf("j", ""))
		time.Sleep(time.Until(last.Add(21*time.Second - time.Millisecond)))
		synctest.Wait()
		require.Empty(t, w.stale(), "too early")
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, append([]string{"m"}, reported...), w.stale())
		for _, p := range w.got("") {
			if p.stale {
				assert.Equal(t, last.Add(10*time.Second), p.at)
			}
		}
		time.Sleep(time.Minute)
		assert.Len(t, w.stale(), 6, "once")
	})
}

func TestNoMarkersOfATargetThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "m 1\nn 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.untilScraped("a:1")
		w.scrape(targetsOf("j", ""))
		time.Sleep(20 * time.Second)
		w.page("a:1", "m 1\no 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.untilScraped("a:1")
		assert.Equal(t, []string{"n"}, w.stale())
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"n"}, w.stale())
	})
}

func TestNoMarkersOfATargetThatIsScrapedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asking sync.Mutex
		var asked []string
		w := newWorld(t, func(s *Settings) {
			s.Elsewhere = func(_ context.Context, job string, discovered labels.Labels) bool {
				asking.Lock()
				defer asking.Unlock()
				asked = append(asked, job+" "+discovered.Get("__address__"))
				return discovered.Get("__address__") == "a:1"
			}
		})
		defer w.stop()
		w.page("a:1", "m 1\n")
		w.page("b:1", "n 1\n")
		w.scrape(targetsOf("j", "'a:1', 'b:1'"))
		time.Sleep(10 * time.Second)
		w.scrape(targetsOf("j", ""))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.ElementsMatch(t, []string{"j a:1", "j b:1"}, asked)
		assert.Equal(t, append([]string{"n"}, reported...), w.stale())
	})
}

func TestMarkersThatAreRefusedComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "m 1\nn 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.untilScraped("a:1")
		w.page("a:1", "m 1\n")
		refused := 0
		w.consumes(func(context.Context) error {
			if refused++; refused <= 2 {
				return errors.New("the pipeline is full")
			}
			return nil
		})
		w.untilScraped("a:1")
		assert.Equal(t, []string{"n"}, w.stale())
		assert.Len(t, w.got("m"), 2, "what was refused is lost, but for markers")
		assert.Equal(t, map[Outcome]int{OK: 2, Refused: 2}, w.outcomes())
		w.untilScraped("a:1")
		assert.Equal(t, []string{"n"}, w.stale())
	})
}

func TestFailuresAreLoggedWhenTheyAreNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.scrape(targetsOf("j", "'a:1'"))
		next := func(text string) {
			w.page("a:1", text)
			w.untilScraped("a:1")
		}
		next("m 1\nn x\n")
		next("m 1\nn x\n")
		next("m 1\n")
		w.serve("a:1", func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(http.StatusBadGateway) })
		w.untilScraped("a:1")
		failed := w.logs.FilterMessage("scraping failed").All()
		require.Len(t, failed, 2)
		fields := failed[0].ContextMap()
		assert.Equal(t, "http://a:1/metrics", fields["target"])
		assert.Equal(t, "j", fields["job"])
		assert.Equal(t, "parse", fields["outcome"])
		assert.Contains(t, fields["error"], "line 2")
		assert.Contains(t, failed[1].ContextMap()["error"], "502 Bad Gateway")
		assert.Equal(t, 1, w.logs.FilterMessage("scraping failed again").Len())
		assert.Equal(t, 1, w.logs.FilterMessage("scraping works again").Len())
	})
}

func TestOutcomes(t *testing.T) {
	for want, handler := range map[Outcome]http.HandlerFunc{
		OK:         func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "m 1\n") },
		Timeout:    func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() },
		BadStatus:  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
		TooLarge:   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1000)) },
		Unreadable: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "m x\n") },
		Limited:    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "m 1\nn 1\n") },
		Unreachable: func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			assert.NoError(t, err)
			assert.NoError(t, conn.Close())
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.stop()
			w.serve("a:1", handler)
			w.scrape(targetsOf("j", "'a:1'", "body_size_limit: 1000B", "sample_limit: 1"))
			w.untilScraped("a:1")
			synctest.Wait()
			assert.Equal(t, map[Outcome]int{want: 1}, w.outcomes())
			up := w.got("up")[0].value
			assert.Equal(t, want == OK, up == 1, want)
			state := w.State()["j"].Targets[0]
			assert.Equal(t, want, state.LastOutcome)
			assert.Equal(t, want == OK, state.LastError == nil)
		})
	}
}
