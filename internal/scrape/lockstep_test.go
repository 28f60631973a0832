package scrape_test

import (
	"cmp"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
)

// lockstep is a job that Prometheus and Sluice run side by side.
type lockstep struct {
	// job are lines of the scrape_config, joined by line breaks.
	job string
	// pages are what the target shows; all are read once by each. paths are more targets, with pages of their own.
	pages []page
	paths map[string][]page
	// asks is the request of the first target, where it is not the usual one.
	asks string
	// differs are the differences that there must be, no less and no more.
	differs []difference
	// anyDifference allows all.
	anyDifference bool
	customBuckets bool
	// families are types that Prometheus does not tell.
	families map[string]model.MetricType
	interval time.Duration
	// created tells that pages have _created. Prometheus either makes starts of them, in OpenMetrics, and does not count
	// them, or counts them and makes nothing of them. Sluice does both, so both are compared in their turn.
	created bool
	// badLines tells that pages have bad lines, of which Prometheus may have counted the beginning.
	badLines bool
}

const defaultInterval = 200 * time.Millisecond

func configured(t *testing.T, job string, interval time.Duration) (theirs *promconfig.Config, ours *scrapeconfig.Config) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: %[1]dms, scrape_timeout: %[1]dms}\nscrape_configs:\n  - job_name: x\n", interval.Milliseconds())
	for line := range strings.Lines(job) {
		b.WriteString("    " + line)
	}
	text := b.String()
	theirs, err := promconfig.Load(text, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "prometheus.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	ours, err = scrapeconfig.Load(path, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return theirs, ours
}

// groups are what discovery says of the job's first target and of those with other paths.
func (s *target) groups(paths ...string) map[string][]*targetgroup.Group {
	address := model.LabelValue(s.address())
	targets := []model.LabelSet{{"__address__": address, "instance": "i", "zone": "z"}}
	for _, path := range paths {
		targets = append(targets, model.LabelSet{"__address__": address, "__metrics_path__": model.LabelValue(path), "instance": model.LabelValue(path)})
	}
	return map[string][]*targetgroup.Group{"x": {{Source: "0", Targets: targets}}}
}

// view is what of the samples is compared.
type view struct{ starts, counts bool }

func (l lockstep) run(t *testing.T) {
	t.Helper()
	if !l.created {
		l.look(t, view{starts: true, counts: true})
		return
	}
	l.look(t, view{counts: true})
	if l.pages[0].contentType != textType {
		l.differs = slices.DeleteFunc(slices.Clone(l.differs), func(d difference) bool { return d == createdConsumed })
		l.look(t, view{starts: true})
	}
}

// look compares, and again with more time if the machine was too busy for the interval.
func (l lockstep) look(t *testing.T, v view) {
	t.Helper()
	interval := max(l.interval, defaultInterval)
	for range 4 {
		theirs, ours, busy := l.collect(t, interval, v.starts)
		if !busy {
			l.compare(t, l.of(theirs, v), l.of(ours, v))
			return
		}
		interval *= 3
	}
	t.Skip("the machine is too busy")
}

// of leaves out of what was found what is not compared.
func (l lockstep) of(found map[string][]batch, v view) map[string][]batch {
	for _, batches := range found {
		for k, b := range batches {
			counts := v.counts && (!l.badLines || !failed(b.samples))
			starts := v.starts && (!l.created || l.pages[k].contentType != textType)
			for i := range b.samples {
				b.samples[i].leaveOut(counts, starts)
				if l.badLines && b.samples[i].meta.Type == model.MetricTypeUnknown {
					b.samples[i].meta.Type = "" // the TYPE may come too late for Prometheus
				}
			}
			if !v.counts {
				dropExemplars(b.samples) // Prometheus loses them when it looks ahead for starts
			}
		}
	}
	return found
}

func (s *sample) leaveOut(counts, starts bool) {
	if !starts {
		s.start = 0
	}
	if !counts && (s.name() == "scrape_series_added" || strings.HasPrefix(s.name(), "scrape_samples_")) {
		s.value = 0
	}
}

func dropExemplars(samples []sample) {
	for i := range samples {
		samples[i].exemplars = nil
	}
}

// collect returns what came of the pages on both sides.
func (l lockstep) collect(t *testing.T, interval time.Duration, starts bool) (theirs, ours map[string][]batch, busy bool) {
	t.Helper()
	scripts := maps.Clone(l.paths)
	if scripts == nil {
		scripts = map[string][]page{}
	}
	scripts[cmp.Or(l.asks, "/metrics")] = l.pages
	s := serveScripts(t, scripts)
	theirConfig, ourConfig := configured(t, l.job, interval)
	prom, sluice := startPrometheus(t, theirConfig, starts), startSluice(t, ourConfig, l.customBuckets)
	prom.discovered(s.groups(slices.Collect(maps.Keys(l.paths))...))
	sluice.discovered(s.groups(slices.Collect(maps.Keys(l.paths))...))
	theirs = prom.head.out.await(t, 1+len(l.paths), len(l.pages))
	ours = sluice.out.await(t, 1+len(l.paths), len(l.pages))
	require.NoError(t, prom.stop())
	require.NoError(t, sluice.stop())
	return theirs, ours, l.late(theirs, interval) || l.late(ours, interval)
}

// await returns the first scrapes of each target.
func (r *recorder) await(t *testing.T, targets, scrapes int) (found map[string][]batch) {
	t.Helper()
	require.Eventually(t, func() bool {
		found = r.first(targets, scrapes)
		return found != nil
	}, 2*time.Minute, 5*time.Millisecond)
	return found
}

// late tells that a page timed out that was not to.
func (l lockstep) late(found map[string][]batch, interval time.Duration) bool {
	for _, batches := range found {
		for i, b := range batches {
			for _, s := range b.samples {
				if s.isDuration() && s.value >= interval.Seconds() && !l.pages[i].hang {
					return true
				}
			}
		}
	}
	return false
}

func (l lockstep) compare(t *testing.T, theirs, ours map[string][]batch) {
	t.Helper()
	require.Equal(t, slices.Sorted(maps.Keys(theirs)), slices.Sorted(maps.Keys(ours)), "targets")
	found := map[difference]bool{}
	for target := range theirs {
		maps.Copy(found, l.compareTarget(t, theirs[target], ours[target]))
	}
	if !l.anyDifference {
		assert.Equal(t, lines(slices.Values(l.differs)), lines(maps.Keys(found)), "differences")
	}
}

// compareTarget returns the differences that it found, and stops at the first that must not be.
func (l lockstep) compareTarget(t *testing.T, theirs, ours []batch) map[difference]bool {
	t.Helper()
	e := newExplainer(theirs[0].target, strings.Contains(l.job, "track_timestamps_staleness: true"))
	maps.Copy(e.families, l.families)
	for i, b := range theirs {
		want := e.expected(b)
		have := e.withoutPast(want, ours[i].samples)
		if !assertSame(t, fmt.Sprintf("scrape %d of %s", i, b.target), e.comparable(want), e.comparable(have)) {
			break
		}
	}
	return e.found
}

// maxShown bounds what is printed of a page that differs everywhere.
const maxShown = 20

func assertSame(t *testing.T, what string, want, found []sample) bool {
	t.Helper()
	missing, more := subtract(want, found), subtract(found, want)
	if len(missing) > 0 || len(more) > 0 {
		return assert.Failf(t, "samples differ", "%s\nonly Prometheus:\n  %s\nonly Sluice:\n  %s", what, shown(missing), shown(more))
	}
	return assertSameTypes(t, what, want, found)
}

func shown(lines []string) string {
	if len(lines) > maxShown {
		lines = append(lines[:maxShown:maxShown], fmt.Sprintf("and %d more", len(lines)-maxShown))
	}
	return strings.Join(lines, "\n  ")
}

// subtract returns what is in a and not in b, sorted; twice counts twice.
func subtract(a, b []sample) (lines []string) {
	count := map[string]int{}
	for _, s := range b {
		count[s.String()]++
	}
	for _, s := range a {
		text := s.String()
		if count[text]--; count[text] < 0 {
			lines = append(lines, text)
		}
	}
	slices.Sort(lines)
	return lines
}

// assertSameTypes compares types where Prometheus tells one: it does not for names that relabelling gave.
func assertSameTypes(t *testing.T, what string, want, found []sample) bool {
	t.Helper()
	types := map[string]model.MetricType{}
	for _, s := range found {
		types[s.key()] = s.meta.Type
	}
	for _, s := range want {
		if typ := types[s.key()]; s.meta.Type != "" && s.meta.Type != typ && s.name() != "target_info" {
			return assert.Failf(t, "types differ", "%s\n%s is a %s for Prometheus and a %s for Sluice", what, s.series(), s.meta.Type, typ)
		}
	}
	return true
}

func lines(ds iter.Seq[difference]) string {
	var b strings.Builder
	for _, d := range slices.Sorted(ds) {
		b.WriteString(string(d) + "\n")
	}
	return b.String()
}
