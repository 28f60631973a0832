package promotlp

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// Batch returns what is to be passed on after Read or Fail: the samples of a good page, staleness markers for what is
// gone, and the report. It is marked read-only and shares attributes with other batches.
func (c *Cache) Batch(r Report) pmetric.Metrics {
	md := c.batch(r)
	md.MarkReadOnly()
	return md
}

// Batches is Batch in parts of at most so many points; 0 means one part.
func (c *Cache) Batches(r Report, most int) []pmetric.Metrics {
	parts := otlp.Split(c.batch(r), most)
	for _, md := range parts {
		md.MarkReadOnly()
	}
	return parts
}

func (c *Cache) batch(r Report) pmetric.Metrics {
	defer c.finish()
	if c.good {
		c.placeAll()
	}
	c.fillReport(r)
	c.markGone()
	return c.emit(r.At.UnixMilli())
}

// Repeat returns a batch that says nothing but `up`, for a time at which the target was not asked. It is no scrape: what
// was there before is still expected, so neither Delivered nor anything else is to be called. It is marked read-only.
func (c *Cache) Repeat(at time.Time, up bool) pmetric.Metrics {
	md := pmetric.NewMetrics()
	p := c.report[0]
	rm := md.ResourceMetrics().AppendEmpty()
	p.metric.scope.resource.fill(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	p.metric.scope.fill(sm)
	m := sm.Metrics().AppendEmpty()
	c.describe(m, p.metric)
	dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
	dp.SetTimestamp(stamp(at.UnixMilli()))
	dp.SetDoubleValue(valueOf(up))
	p.attrs.Into(dp.Attributes())
	md.MarkReadOnly()
	return md
}

// Counts are those of the page that Batch was called for last.
func (c *Cache) Counts() Counts { return c.counts }

// End returns staleness markers for all that is still expected and for the report, because the target is gone.
func (c *Cache) End(at time.Time) pmetric.Metrics {
	c.begin()
	defer c.finish()
	for _, p := range c.report {
		if p.live > 0 {
			c.owe(p)
		}
	}
	c.markGone()
	md := c.emit(at.UnixMilli())
	md.MarkReadOnly()
	return md
}

// Delivered tells what became of the batch: markers that were refused are sent again with the next one.
func (c *Cache) Delivered(err error) {
	if err == nil {
		for _, p := range c.owed {
			p.owed = false
		}
		c.owed = c.owed[:0]
	}
	c.bury()
}
