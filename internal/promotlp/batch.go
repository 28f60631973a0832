package promotlp

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Batch returns what is to be passed on after Read or Fail: the samples of a good page, staleness markers for what is
// gone, and the report. It is marked read-only and shares attributes with other batches.
func (c *Cache) Batch(r Report) pmetric.Metrics {
	defer c.finish()
	if c.good {
		c.placeAll()
	}
	c.fillReport(r)
	c.markGone()
	return c.emit(r.At.UnixMilli())
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
	return c.emit(at.UnixMilli())
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
