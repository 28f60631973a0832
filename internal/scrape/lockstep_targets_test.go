package scrape_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pair is a target with both scrapers at it.
type pair struct {
	*target
	prom   *promServer
	sluice *sluiceServer
}

func startPair(t *testing.T, job string, interval time.Duration, scripts map[string][]page) *pair {
	t.Helper()
	theirs, ours := configured(t, job, interval)
	return &pair{target: serveScripts(t, scripts), prom: startPrometheus(t, theirs, true), sluice: startSluice(t, ours, false)}
}

// show tells both what discovery has found.
func (p *pair) show(paths ...string) {
	p.prom.discovered(p.groups(paths...))
	p.sluice.discovered(p.groups(paths...))
}

func (p *pair) recorders() map[string]*recorder {
	return map[string]*recorder{"Prometheus": &p.prom.head.out, "Sluice": &p.sluice.out}
}

// reconfigure gives both another configuration.
func (p *pair) reconfigure(t *testing.T, job string, interval time.Duration) {
	t.Helper()
	theirs, ours := configured(t, job, interval)
	require.NoError(t, p.prom.ApplyConfig(theirs))
	require.NoError(t, p.sluice.Apply(ours))
}

// of returns all scrapes of the target with a path for its instance.
func (r *recorder) of(instance string) []batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, batches := range r.batches {
		if batches[0].target.Get("instance") == instance {
			return slices.Clone(batches)
		}
	}
	return nil
}

// markers are the series, of all scrapes, that were marked stale.
func markers(batches []batch) (names []string) {
	for _, b := range batches {
		for _, s := range b.samples {
			if s.stale() && !s.refused {
				names = append(names, s.name())
			}
		}
	}
	slices.Sort(names)
	return names
}

const patience = time.Minute

func TestLockstepOfTheEndOfATarget(t *testing.T) {
	t.Parallel()
	const interval = 400 * time.Millisecond
	p := startPair(t, "extra_scrape_metrics: true", interval, map[string][]page{"/metrics": texts(everyType), "/gone": texts("a 1\nb 1 1700000000000\n")})
	p.show("/gone")
	p.prom.head.out.await(t, 2, 3)
	p.sluice.out.await(t, 2, 3)
	p.show()
	want := []string{
		"a", "scrape_body_size_bytes", "scrape_duration_seconds", "scrape_sample_limit", "scrape_samples_post_metric_relabeling",
		"scrape_samples_scraped", "scrape_series_added", "scrape_timeout_seconds", "up",
	}
	for who, r := range p.recorders() {
		require.Eventually(t, func() bool { return len(markers(r.of("/gone"))) > 0 }, patience, 10*time.Millisecond, who)
		heard := time.Now()
		batches := r.of("/gone")
		last := batches[len(batches)-1]
		assert.Equal(t, want, markers(batches), who)
		assert.Len(t, last.samples, len(want), who)
		assert.Greater(t, last.time, batches[len(batches)-2].time, who)
		// They tell the time of the first scrape that did not happen, and come after the second.
		assert.Greater(t, heard.UnixMilli()-last.time, interval.Milliseconds()/2, who)
		assert.Empty(t, markers(r.of("i")), who)
	}
}

func TestLockstepOfATargetThatComesBack(t *testing.T) {
	t.Parallel()
	const interval = 400 * time.Millisecond
	p := startPair(t, "", interval, map[string][]page{"/metrics": texts(everyType), "/back": texts("a 1\n")})
	p.show("/back")
	p.prom.head.out.await(t, 2, 2)
	p.sluice.out.await(t, 2, 2)
	p.show()
	require.Eventually(t, func() bool { return len(p.prom.TargetsActive()["x"]) == 1 }, patience, 10*time.Millisecond)
	before := map[string]int{}
	for who, r := range p.recorders() {
		before[who] = len(r.of("/back"))
	}
	p.show("/back")
	for who, r := range p.recorders() {
		require.Eventually(t, func() bool { return len(r.of("/back")) > before[who]+6 }, patience, 10*time.Millisecond, who)
		assert.Empty(t, markers(r.of("/back")), who)
	}
}

func TestLockstepOfAChangedJob(t *testing.T) {
	const interval = 400 * time.Millisecond
	for name, tt := range map[string]struct {
		before, after string
		// ends are what is marked stale, at once or when the old loop would have ended.
		ends []string
	}{
		"a limit":                  {"sample_limit: 100", "sample_limit: 200", nil},
		"relabelling":              {"", "metric_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}]", []string{"b"}},
		"honor_labels":             {"", "honor_labels: true", []string{"c"}},
		"extra_scrape_metrics off": {"extra_scrape_metrics: true", "", []string{"scrape_body_size_bytes", "scrape_sample_limit", "scrape_timeout_seconds"}},
		"path":                     {"", "metrics_path: /other", []string{"a", "b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPair(t, tt.before, interval, map[string][]page{"/metrics": texts("a 1\nb 1\nc{zone=\"y\"} 1\n"), "/other": texts("d 1\n")})
			p.show()
			p.prom.head.out.await(t, 1, 2)
			p.sluice.out.await(t, 1, 2)
			p.reconfigure(t, tt.after, interval)
			p.show()
			for who, r := range p.recorders() {
				n := len(r.of("i"))
				require.Eventually(t, func() bool {
					found := r.of("i")
					return len(markers(found)) >= len(tt.ends) && len(found) > n+8
				}, patience, 10*time.Millisecond, who)
				assert.Equal(t, tt.ends, markers(r.of("i")), who)
			}
		})
	}
}

func TestLockstepOfAJobThatGoes(t *testing.T) {
	t.Parallel()
	const interval = 200 * time.Millisecond
	p := startPair(t, "", interval, map[string][]page{"/metrics": texts("a 1\n")})
	p.show()
	p.prom.head.out.await(t, 1, 2)
	p.sluice.out.await(t, 1, 2)
	require.NoError(t, p.prom.stop())
	require.NoError(t, p.sluice.stop())
	for who, r := range p.recorders() {
		assert.Empty(t, markers(r.of("i")), who)
	}
}
