package promotlp

import (
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// histograms makes points of classic histograms, and of native ones with custom buckets.
func (c *Cache) histograms(dps pmetric.HistogramDataPointSlice, m *metric, now int64) int {
	dps.EnsureCapacity(len(m.shown) + len(m.stale))
	for _, p := range m.shown {
		switch {
		case p.has&hasNative != 0:
			c.custom(dps.AppendEmpty(), p)
		case p.has&hasCount == 0:
			if c.lose(p, NoCount) {
				c.staleHistogram(dps.AppendEmpty(), p, now)
			}
		case value.IsStaleNaN(p.buckets.count):
			c.staleHistogram(dps.AppendEmpty(), p, p.ms)
		case !c.cumulative(p.buckets):
			if c.lose(p, BadHistogram) {
				c.staleHistogram(dps.AppendEmpty(), p, now)
			}
		default:
			c.classic(dps.AppendEmpty(), p)
		}
	}
	for _, p := range m.stale {
		c.staleHistogram(dps.AppendEmpty(), p, now)
	}
	return dps.Len()
}

// tooMany is more than a count can be.
const tooMany = 1 << 63

// cumulative collects bounds and counts of a page's buckets, the last of which is for what is above all bounds. It
// reports whether they are counts at all. Buckets that are less than the one before, as they are when a target does not
// read them at one moment, are raised to it; fractions are rounded.
func (c *Cache) cumulative(b *buckets) bool {
	o := &c.out
	o.order, o.bounds, o.counts = b.appendOrder(o.order[:0], c.page, false), o.bounds[:0], o.counts[:0]
	last, raised := uint64(0), false
	for _, i := range append(o.order, math.MaxUint32) {
		v := b.count
		if i != math.MaxUint32 {
			v = b.values[i]
			if math.IsInf(b.numbers[i], 1) {
				continue
			}
			o.bounds = append(o.bounds, b.numbers[i])
		}
		if !(v >= 0 && v < tooMany) {
			return false
		}
		n := uint64(math.RoundToEven(v))
		raised = raised || n < last
		n = max(n, last)
		o.counts = append(o.counts, n-last)
		last = n
	}
	if raised {
		c.counts.Repaired++
	}
	return true
}

// classic makes a point of what cumulative has collected.
func (c *Cache) classic(dp pmetric.HistogramDataPoint, p *point) {
	p.sent = true
	count := uint64(0)
	for _, n := range c.out.counts {
		count += n
	}
	dp.SetCount(count)
	if p.has&hasSum != 0 {
		dp.SetSum(p.buckets.sum)
	}
	dp.ExplicitBounds().FromRaw(c.out.bounds)
	dp.BucketCounts().FromRaw(c.out.counts)
	c.finishHistogram(dp, p)
}

func (c *Cache) finishHistogram(dp pmetric.HistogramDataPoint, p *point) {
	dp.SetStartTimestamp(pcommon.Timestamp(p.start))
	dp.SetTimestamp(stamp(p.ms))
	p.attrs.Into(dp.Attributes())
	c.exemplars(dp.Exemplars(), p)
}

// custom makes a point of a native histogram with custom buckets.
func (c *Cache) custom(dp pmetric.HistogramDataPoint, p *point) {
	n := &c.scratch.histograms[int(p.native)]
	if value.IsStaleNaN(n.valueOr(0)) {
		c.staleHistogram(dp, p, p.ms)
		return
	}
	h := n.h
	p.buckets.custom, p.buckets.summed = h.CustomValues, true
	c.out.counts = appendCustom(c.out.counts[:0], h)
	count := uint64(0)
	for _, n := range c.out.counts {
		count += n
	}
	dp.SetCount(count)
	dp.SetSum(h.Sum)
	dp.ExplicitBounds().FromRaw(h.CustomValues)
	dp.BucketCounts().FromRaw(c.out.counts)
	c.finishHistogram(dp, p)
}

// appendCustom appends a count for each custom bound and one for what is above them.
func appendCustom(dst []uint64, h *histogram.Histogram) []uint64 {
	dst = append(dst, make([]uint64, len(h.CustomValues)+1)...)
	at, next, count := 0, 0, int64(0)
	for _, s := range h.PositiveSpans {
		at += int(s.Offset)
		for range s.Length {
			count += h.PositiveBuckets[next]
			dst[at] = uint64(count)
			at++
			next++
		}
	}
	return dst
}

// staleHistogram makes a point that says that all series of the histogram are gone: those of its buckets are told by their
// bounds, also those that went before, and its sum by being there.
func (c *Cache) staleHistogram(dp pmetric.HistogramDataPoint, p *point, ms int64) {
	p.sent = false
	b := p.buckets
	c.out.order, c.out.bounds = b.appendOrder(c.out.order[:0], c.page, true), c.out.bounds[:0]
	for _, i := range c.out.order {
		if !math.IsInf(b.numbers[i], 1) {
			c.out.bounds = append(c.out.bounds, b.numbers[i])
		}
	}
	if len(c.out.order) == 0 {
		c.out.bounds = append(c.out.bounds, b.custom...)
	}
	if b.summed {
		dp.SetSum(0)
	}
	dp.SetFlags(noRecordedValue)
	dp.ExplicitBounds().FromRaw(c.out.bounds)
	dp.BucketCounts().FromRaw(make([]uint64, len(c.out.bounds)+1))
	dp.SetTimestamp(stamp(ms))
	p.attrs.Into(dp.Attributes())
}
