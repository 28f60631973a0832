package promotlp

import (
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Report is about a scrape as such.
type Report struct {
	// At is when it began: the time of its samples.
	At       time.Time
	Duration time.Duration
	// Up says that the page was got and could be used.
	Up bool
	// Bytes is the size of the page, -1 if it was too large, 0 if there was none.
	Bytes int
}

// reportOf are the metrics of a report, the last three of which are extra. Source: reportSample of prometheus/prometheus.
var reportOf = [...]family{
	{typ: model.MetricTypeGauge, name: "up", help: "Health of the scrape target. 1 means the target is healthy, 0 if the scrape failed."},
	{typ: model.MetricTypeGauge, name: "scrape_duration_seconds", unit: "seconds", help: "Duration of the last scrape in seconds."},
	{typ: model.MetricTypeGauge, name: "scrape_samples_scraped", help: "Number of samples last scraped."},
	{typ: model.MetricTypeGauge, name: "scrape_samples_post_metric_relabeling", help: "Number of samples remaining after metric relabeling was applied."},
	{typ: model.MetricTypeGauge, name: "scrape_series_added", help: "Number of series in the last scrape."},
	{typ: model.MetricTypeGauge, name: "scrape_timeout_seconds", unit: "seconds", help: "The configured scrape timeout for a target."},
	{typ: model.MetricTypeGauge, name: "scrape_sample_limit", help: "The configured sample limit for a target. Returns zero if there is no limit configured."},
	{typ: model.MetricTypeGauge, name: "scrape_body_size_bytes", unit: "bytes", help: "The uncompressed size of the last scrape response, if successful. " +
		"Scrapes failing because body_size_limit is exceeded report -1, other scrape failures report 0."},
}

const extraReports = 3

// makeReport makes the points of the report that the options ask for now.
func (c *Cache) makeReport() {
	families := reportOf[:]
	if !c.options.ExtraReport {
		families = families[:len(families)-extraReports]
	}
	old := c.report
	c.report = nil
	for i := range families {
		c.report = append(c.report, c.reportPoint(&families[i]))
	}
	for _, p := range old {
		if c.leave(p); p.series == 0 && p.live > 0 {
			c.live = append(c.live, p) // so that it gets a marker
		}
	}
}

func (c *Cache) reportPoint(f *family) *point {
	b := labels.NewBuilder(c.target.Labels)
	b.Set(model.MetricNameLabel, f.name)
	c.options.External.Range(func(l labels.Label) { b.Set(l.Name, l.Value) })
	p := c.pointOf(b.Labels(), place{metric: f.name, kind: kindGauge, role: roleValue, family: f})
	p.series++
	return p
}

// fillReport sets the report. A page that has a metric of the same name and labels goes before it, as in Prometheus.
func (c *Cache) fillReport(r Report) {
	values := [...]float64{
		valueOf(r.Up), r.Duration.Seconds(), float64(c.counts.Scraped), float64(c.counts.Kept), float64(c.counts.Added),
		c.options.Timeout.Seconds(), float64(c.options.SampleLimit), float64(r.Bytes),
	}
	ms := r.At.UnixMilli()
	for i, p := range c.report {
		p.live = c.page
		at, begun := p.at(c.page, ms)
		if begun {
			c.show(at)
		}
		if at.set(hasValue, &at.value, values[i]) {
			p.metric.family = &reportOf[i] // the page may have had a metric of the name
		}
	}
}

func valueOf(up bool) float64 {
	if up {
		return 1
	}
	return 0
}
