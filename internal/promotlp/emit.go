package promotlp

import (
	"cmp"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/value"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// output is what batches are made with.
type output struct {
	// resources are those of the batch.
	resources []*resource
	// order, bounds and counts are memory to work in.
	order  []uint32
	bounds []float64
	counts []uint64
	chain  []int32
	// wide counts the buckets of wide histograms.
	wide int64
}

// emit makes the batch of what is shown; now is the time of staleness markers.
func (c *Cache) emit(now int64) pmetric.Metrics {
	c.out.wide = 0
	md := pmetric.NewMetrics()
	rms := md.ResourceMetrics()
	rms.EnsureCapacity(len(c.out.resources))
	for _, r := range c.out.resources {
		rm := rms.AppendEmpty()
		r.fill(rm.Resource().Attributes())
		rm.ScopeMetrics().EnsureCapacity(len(r.shown))
		empty := false
		for _, s := range r.shown {
			empty = c.emitScope(rm.ScopeMetrics().AppendEmpty(), s, now) == 0 || empty
		}
		if empty {
			rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool { return sm.Metrics().Len() == 0 })
		}
	}
	rms.RemoveIf(func(rm pmetric.ResourceMetrics) bool { return rm.ScopeMetrics().Len() == 0 })
	clear(c.out.resources)
	c.out.resources = c.out.resources[:0]
	return md
}

// emitScope returns how many metrics the scope has got.
func (c *Cache) emitScope(sm pmetric.ScopeMetrics, s *scope, now int64) int {
	s.fill(sm)
	ms := sm.Metrics()
	ms.EnsureCapacity(len(s.shown))
	empty := false
	for _, m := range s.shown {
		dst := ms.AppendEmpty()
		c.describe(dst, m)
		empty = c.emitMetric(dst, m, now) == 0 || empty
	}
	if empty {
		ms.RemoveIf(func(m pmetric.Metric) bool { return otlp.PointCount(m) == 0 })
	}
	return ms.Len()
}

// typeAttributes are the metadata of metrics that tell their Prometheus type.
var typeAttributes = func() map[model.MetricType]*otlp.Attributes {
	all := map[model.MetricType]*otlp.Attributes{}
	for _, t := range []model.MetricType{
		model.MetricTypeCounter, model.MetricTypeGauge, model.MetricTypeHistogram, model.MetricTypeGaugeHistogram,
		model.MetricTypeSummary, model.MetricTypeInfo, model.MetricTypeStateset, model.MetricTypeUnknown,
	} {
		all[t] = otlp.NewAttributes([]otlp.Pair{{Key: "prometheus.type", Value: string(t)}})
	}
	return all
}()

func (c *Cache) describe(dst pmetric.Metric, m *metric) {
	typ, unit := m.kind.typ(), ""
	if f := m.family; f != nil {
		unit = f.unit
		dst.SetDescription(f.help)
		dst.SetUnit(prometheus.UnitWordToUCUM(unit))
		if m.kind == kindGauge || m.kind == kindInfo {
			typ = f.typ
		}
	}
	dst.SetName(c.nameOf(m, unit))
	typeAttributes[typ].Into(dst.Metadata())
}

// nameOf trims no name until nothing is left of it, as happens to "_".
func (c *Cache) nameOf(m *metric, unit string) string {
	if !c.options.TrimSuffixes {
		return m.name
	}
	return cmp.Or(prometheus.TrimPromSuffixes(m.name, m.kind.pmetric(), unit), m.name)
}

// emitMetric returns how many points the metric has got.
func (c *Cache) emitMetric(dst pmetric.Metric, m *metric, now int64) int {
	switch m.kind {
	case kindCounter, kindInfo:
		sum := dst.SetEmptySum()
		sum.SetIsMonotonic(m.kind == kindCounter)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		return c.numbers(sum.DataPoints(), m, now)
	case kindHistogram:
		h := dst.SetEmptyHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		return c.histograms(h.DataPoints(), m, now)
	case kindExponential:
		h := dst.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		return c.exponentials(h.DataPoints(), m, now)
	case kindSummary:
		return c.summaries(dst.SetEmptySummary().DataPoints(), m, now)
	case kindGauge:
		return c.numbers(dst.SetEmptyGauge().DataPoints(), m, now)
	default:
		return 0
	}
}

func (c *Cache) numbers(dps pmetric.NumberDataPointSlice, m *metric, now int64) int {
	dps.EnsureCapacity(len(m.shown) + len(m.stale))
	for _, p := range m.shown {
		if p.has&hasValue == 0 {
			continue // there is nothing but when it began
		}
		dp := dps.AppendEmpty()
		if m.kind == kindCounter {
			dp.SetStartTimestamp(pcommon.Timestamp(p.start))
		}
		if value.IsStaleNaN(p.value) {
			dp.SetFlags(noRecordedValue)
		} else {
			dp.SetDoubleValue(p.value)
		}
		dp.SetTimestamp(stamp(p.ms))
		p.attrs.Into(dp.Attributes())
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

func stamp(ms int64) pcommon.Timestamp { return pcommon.Timestamp(ms * int64(time.Millisecond)) }

var noRecordedValue = pmetric.DefaultDataPointFlags.WithNoRecordedValue(true)

// typ is the type of metrics whose family says nothing else.
func (k kind) typ() model.MetricType {
	switch k {
	case kindCounter:
		return model.MetricTypeCounter
	case kindHistogram, kindExponential:
		return model.MetricTypeHistogram
	case kindSummary:
		return model.MetricTypeSummary
	case kindInfo:
		return model.MetricTypeInfo
	case kindGauge:
		return model.MetricTypeUnknown
	default:
		return model.MetricTypeUnknown
	}
}

func (k kind) pmetric() pmetric.MetricType {
	switch k {
	case kindCounter, kindInfo:
		return pmetric.MetricTypeSum
	case kindHistogram:
		return pmetric.MetricTypeHistogram
	case kindExponential:
		return pmetric.MetricTypeExponentialHistogram
	case kindSummary:
		return pmetric.MetricTypeSummary
	case kindGauge:
		return pmetric.MetricTypeGauge
	default:
		return pmetric.MetricTypeEmpty
	}
}
