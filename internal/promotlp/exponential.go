package promotlp

import (
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// exponentials makes points of native histograms with exponential buckets.
func (c *Cache) exponentials(dps pmetric.ExponentialHistogramDataPointSlice, m *metric, now int64) int {
	dps.EnsureCapacity(len(m.shown) + len(m.stale))
	for _, p := range m.shown {
		if p.has&hasNative == 0 {
			continue // there is nothing but when it began
		}
		dp := dps.AppendEmpty()
		dp.SetTimestamp(stamp(p.ms))
		p.attrs.Into(dp.Attributes())
		n := &c.scratch.histograms[int(p.native)]
		if value.IsStaleNaN(n.valueOr(0)) {
			dp.SetFlags(noRecordedValue)
			continue
		}
		c.exponential(dp, n.h)
		dp.SetStartTimestamp(pcommon.Timestamp(p.start))
		c.exemplars(dp.Exemplars(), p)
	}
	for _, p := range m.stale {
		dp := dps.AppendEmpty()
		dp.SetFlags(noRecordedValue)
		dp.SetTimestamp(stamp(now))
		p.attrs.Into(dp.Attributes())
	}
	return dps.Len()
}

// Buckets of Prometheus are sparse, those of OTLP are not: two far apart are thousands. A side may have as many as widest,
// until those wider than usual come to manyWide in a batch: a small page must not become a large one.
const (
	widest   = 4096
	usual    = 320
	manyWide = 1 << 20
)

// narrow lowers the resolution of a histogram that is too wide.
func (c *Cache) narrow(h *histogram.Histogram) {
	limit := int64(widest)
	if c.out.wide > manyWide {
		limit = usual
	}
	before := h.Schema
	for h.Schema > histogram.ExponentialSchemaMin && max(width(h.PositiveSpans), width(h.NegativeSpans)) > limit {
		if h.ReduceResolution(h.Schema-1) != nil {
			break
		}
	}
	if h.Schema != before {
		c.counts.Repaired++
	}
	if w := width(h.PositiveSpans) + width(h.NegativeSpans); w > usual {
		c.out.wide += w
	}
}

func (c *Cache) exponential(dp pmetric.ExponentialHistogramDataPoint, h *histogram.Histogram) {
	c.narrow(h)
	dp.SetScale(h.Schema)
	dp.SetSum(h.Sum)
	dp.SetZeroThreshold(h.ZeroThreshold)
	dp.SetZeroCount(h.ZeroCount)
	count := h.ZeroCount
	count += c.side(dp.Positive(), h.Schema, h.PositiveSpans, h.PositiveBuckets)
	count += c.side(dp.Negative(), h.Schema, h.NegativeSpans, h.NegativeBuckets)
	dp.SetCount(count)
}

// width is how many buckets lie from the first to the last.
func width(spans []histogram.Span) int64 {
	n := int64(0)
	for i, s := range spans {
		n += int64(s.Length)
		if i > 0 {
			n += int64(s.Offset)
		}
	}
	return n
}

// side fills the buckets of one sign and returns their count. The index of OTLP is one less: it is that of the lower
// bound. What is beyond the largest number is left out, as the specification says.
func (c *Cache) side(dst pmetric.ExponentialHistogramDataPointBuckets, schema int32, spans []histogram.Span, deltas []int64) uint64 {
	if len(spans) == 0 {
		return 0
	}
	counts, total, current := c.out.counts[:0], uint64(0), int64(0)
	index, last := int64(0), lastIndex(schema)
	for i, s := range spans {
		if i > 0 {
			counts = append(counts, make([]uint64, s.Offset)...)
		}
		index += int64(s.Offset)
		for range s.Length {
			current += deltas[0]
			deltas = deltas[1:]
			if index <= last {
				counts = append(counts, uint64(current))
				total += uint64(current)
			}
			index++
		}
	}
	dst.SetOffset(spans[0].Offset - 1)
	dst.BucketCounts().FromRaw(counts)
	c.out.counts = counts
	return total
}

// lastIndex is the index of the bucket that ends at the largest float64.
func lastIndex(schema int32) int64 {
	if schema < 0 {
		return 1024 >> -schema
	}
	return 1024 << schema
}
