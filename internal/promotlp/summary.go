package promotlp

import (
	"math"

	"github.com/prometheus/prometheus/model/value"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func (c *Cache) summaries(dps pmetric.SummaryDataPointSlice, m *metric, now int64) int {
	dps.EnsureCapacity(len(m.shown) + len(m.stale))
	for _, p := range m.shown {
		switch b := p.buckets; {
		case p.has&hasCount == 0:
			if c.lose(p, NoCount) {
				c.staleSummary(dps.AppendEmpty(), p, now)
			}
		case value.IsStaleNaN(b.count):
			c.staleSummary(dps.AppendEmpty(), p, p.ms)
		case !(b.count >= 0 && b.count < tooMany):
			if c.lose(p, BadHistogram) {
				c.staleSummary(dps.AppendEmpty(), p, now)
			}
		default:
			c.summary(dps.AppendEmpty(), p)
		}
	}
	for _, p := range m.stale {
		c.staleSummary(dps.AppendEmpty(), p, now)
	}
	return dps.Len()
}

func (c *Cache) summary(dp pmetric.SummaryDataPoint, p *point) {
	p.sent = true
	b := p.buckets
	dp.SetCount(uint64(math.RoundToEven(b.count)))
	if p.has&hasSum != 0 {
		dp.SetSum(b.sum)
	}
	c.out.order = b.appendOrder(c.out.order[:0], c.page, false)
	dp.QuantileValues().EnsureCapacity(len(c.out.order))
	for _, i := range c.out.order {
		q := dp.QuantileValues().AppendEmpty()
		q.SetQuantile(b.numbers[i])
		q.SetValue(b.values[i])
	}
	dp.SetStartTimestamp(pcommon.Timestamp(p.start))
	dp.SetTimestamp(stamp(p.ms))
	p.attrs.Into(dp.Attributes())
}

func (c *Cache) staleSummary(dp pmetric.SummaryDataPoint, p *point, ms int64) {
	p.sent = false
	c.out.order = p.buckets.appendOrder(c.out.order[:0], c.page, true)
	for _, i := range c.out.order {
		dp.QuantileValues().AppendEmpty().SetQuantile(p.buckets.numbers[i])
	}
	dp.SetFlags(noRecordedValue)
	dp.SetTimestamp(stamp(ms))
	p.attrs.Into(dp.Attributes())
}
