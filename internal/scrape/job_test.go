package scrape

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReloadLeavesWhatHasNotChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		for _, host := range []string{"a:1", "b:1", "c:1"} {
			w.page(host, "m 1\n")
		}
		w.scrape(targetsOf("one", "'a:1'") + targetsOf("two", "'b:1'"))
		one, two := w.loopsOf("one"), w.loopsOf("two")
		w.scrape(targetsOf("one", "'a:1', 'c:1'") + targetsOf("two", "'b:1'", "honor_labels: true"))
		assert.Same(t, one["a:1"], w.loopsOf("one")["a:1"], "a target beside it is new")
		assert.NotSame(t, two["b:1"], w.loopsOf("two")["b:1"], "its job has changed")
		time.Sleep(35 * time.Second)
		assert.Empty(t, w.stale())
		for _, host := range []string{"a:1", "b:1", "c:1"} {
			assert.GreaterOrEqual(t, w.count(host), 3, host)
		}
	})
}

func TestReloadGoesOnWithWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "m 1\nn 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.untilScraped("a:1")
		turn := w.times("up")[0]
		w.page("a:1", "m 1\n")
		for range 3 {
			w.scrape(targetsOf("j", "'a:1'", "sample_limit: 9"))
			w.scrape(targetsOf("j", "'a:1'"))
		}
		w.untilScraped("a:1")
		assert.Equal(t, []string{"n"}, w.stale(), "of what is missing, and of nothing else")
		assert.Equal(t, turn.Add(10*time.Second), w.times("up")[1], "no turn is missed")
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"n"}, w.stale())
	})
}

func TestATargetThatGoesWithAReloadGetsMarkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "m 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.untilScraped("a:1")
		w.scrape(targetsOf("j", "", "sample_limit: 9"))
		time.Sleep(10 * time.Second)
		w.scrape(targetsOf("j", "", "sample_limit: 8"))
		time.Sleep(time.Minute)
		assert.Equal(t, append([]string{"m"}, reported...), w.stale())
	})
}

func TestATargetThatHasNeverBeenScrapedGetsNoMarkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.scrape(targetsOf("j", "'a:1'"))
		w.scrape(targetsOf("j", ""))
		time.Sleep(time.Minute)
		assert.Empty(t, w.got(""))
	})
}

func TestAJobThatComesBackGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "m 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.untilScraped("a:1")
		w.scrape("")
		time.Sleep(15 * time.Second)
		w.scrape(targetsOf("j", "'a:1'", "sample_limit: 9"))
		time.Sleep(time.Minute)
		assert.Empty(t, w.stale())
		w.scrape("")
		time.Sleep(time.Minute)
		assert.Equal(t, append([]string{"m"}, reported...), w.stale())
		w.scrape("")
		assert.Empty(t, w.removed, "nothing is kept of jobs that are over")
	})
}

func TestAnotherURLWithTheSameLabelsGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.serve("a:1", func(out http.ResponseWriter, req *http.Request) {
			_, _ = io.WriteString(out, "m 1\n"+strings.TrimPrefix(req.URL.Path, "/")+" 1\n")
		})
		moved := func(path string) string {
			return targetsOf("j", "'a:1'", "relabel_configs: [{target_label: __metrics_path__, replacement: /"+path+"}]")
		}
		w.scrape(moved("old"))
		w.untilScraped("a:1")
		w.scrape(moved("new"))
		w.untilScraped("a:1")
		assert.Equal(t, []string{"old"}, w.stale())
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"old"}, w.stale())
	})
}

// TestTwoURLsWithTheSameLabels is what a job with the wrong relabelling has.
func TestTwoURLsWithTheSameLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "a 1\n")
		w.page("b:1", "b 1\n")
		job := targetsOf("j", "'a:1', 'b:1'", "relabel_configs: [{target_label: instance, replacement: same}]")
		w.scrape(job)
		time.Sleep(15 * time.Second)
		w.scrape(job + "  sample_limit: 9\n")
		time.Sleep(time.Minute)
		assert.Empty(t, w.stale(), "each goes on with its own")
	})
}

func TestAReloadWhileALoopHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.page("a:1", "m 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.untilScraped("a:1")
		w.hang("a:1")
		time.Sleep(12 * time.Second)
		w.page("a:1", "m 1\n")
		w.scrape(targetsOf("j", "'a:1'", "sample_limit: 9"))
		w.scrape(targetsOf("j", "'a:1'", "sample_limit: 8"))
		time.Sleep(time.Minute)
		assert.Equal(t, append([]string{"m"}, reported...)[:1], w.stale(), "of the scrape that timed out")
		assert.Equal(t, 1, w.outcomes()[Timeout])
		assert.GreaterOrEqual(t, w.outcomes()[OK], 5)
	})
}

func TestTargetLimitFailsAllTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		for _, host := range []string{"a:1", "b:1", "c:1"} {
			w.page(host, "m 1\n")
		}
		ups := func() (sum float64) {
			w.locked(func() { w.points = nil })
			time.Sleep(10 * time.Second)
			for _, p := range w.got("up") {
				sum += p.value
			}
			return sum
		}
		w.scrape(targetsOf("j", "'a:1', 'b:1'", "target_limit: 2"))
		assert.InDelta(t, 2, ups(), 0)
		w.scrape(targetsOf("j", "'a:1', 'b:1', 'c:1'", "target_limit: 2"))
		assert.InDelta(t, 0, ups(), 0)
		assert.Equal(t, []string{"m", "m"}, w.stale())
		assert.Len(t, w.got("up"), 3)
		require.ErrorContains(t, w.State()["j"].Targets[0].LastError, "target_limit exceeded (number of targets: 3, limit: 2)")
		w.scrape(targetsOf("j", "'a:1', 'c:1'", "target_limit: 2"))
		assert.InDelta(t, 2, ups(), 0)
		assert.Equal(t, 3, w.outcomes()[TargetLimit])
	})
}

func TestKeepDroppedTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		for keep, want := range map[int]int{0: 3, 1: 1, 5: 3} {
			w.scrape(targetsOf("j", "'a:1', 'b:1', 'c:1', 'd:1'", fmt.Sprintf("keep_dropped_targets: %d", keep),
				"relabel_configs: [{source_labels: [__address__], regex: 'a:1', action: keep}]"))
			state := w.State()["j"]
			assert.Equal(t, 3, state.DroppedCount)
			assert.Len(t, state.Dropped, want)
			assert.Len(t, state.Targets, 1)
		}
	})
}

func TestShardsDivideTargets(t *testing.T) {
	const total, count = 3, 100
	addresses := make([]string, count)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("'host-%d:1'", i)
	}
	found := map[string]int{}
	for index := range uint64(total) {
		for again := range 2 {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(s *Settings) { s.Shard = Shard{Index: index, Total: total} })
				defer w.stop()
				w.scrape(targetsOf("j", strings.Join(addresses, ", ")))
				own := slices.Collect(maps.Keys(w.loopsOf("j")))
				assert.InDelta(t, count/total, len(own), 20)
				assert.Equal(t, count-len(own), w.State()["j"].OtherShard)
				for _, instance := range own {
					found[instance] += 1 + 9*again
				}
			})
		}
	}
	assert.Len(t, found, count)
	for instance, n := range found {
		assert.Equal(t, 10+1, n, "%s is in one shard, and always in the same", instance)
	}
}

// TestShardsDoNotDependOnTheProcess would find a hash with a seed.
func TestShardsDoNotDependOnTheProcess(t *testing.T) {
	cfg := configured(t, "", targetsOf("j", "'a:1'"))
	found, _, errs := targets(static(cfg)["j"], cfg.Jobs[0])
	require.Empty(t, errs)
	assert.Equal(t, uint64(0xd1b6ac886b4c1cd8), found[0].hash)
}

func TestLoopsThatHaveEndedAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		for i := range 50 {
			w.scrape(targetsOf("j", fmt.Sprintf("'host-%d:1'", i)))
			time.Sleep(time.Minute)
		}
		assert.LessOrEqual(t, len(w.jobs["j"].ending), 1)
	})
}

func TestTargetsThatCannotBeScraped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := map[string]int{}
		w := newWorld(t, func(s *Settings) {
			s.Observer.BadTargets = func(_ context.Context, job string, n int) { bad[job] += n }
		})
		defer w.stop()
		w.page("a:1", "m 1\n")
		w.scrape(targetsOf("j", "'a:1'"))
		w.Discovered(map[string][]*targetgroup.Group{"j": {{Source: "s", Targets: []model.LabelSet{
			{"__address__": "a:1"}, {"__address__": "a/b"}, {"__address__": "c:1", "__scrape_interval__": "soon"}, {"x": "y"},
		}}}})
		assert.Equal(t, 3, bad["j"])
		assert.Equal(t, 3, w.logs.FilterMessage("a target cannot be scraped").Len())
		w.untilScraped("a:1")
	})
}
