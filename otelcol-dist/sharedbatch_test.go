package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// template is a shared slice of attributes and a copy of what it was made of.
type template struct {
	*otlp.Attributes
	want []otlp.Pair
}

func newTemplate(pairs ...otlp.Pair) template {
	want := make([]otlp.Pair, len(pairs))
	for i, p := range pairs {
		want[i] = otlp.Pair{Key: strings.Clone(p.Key), Value: strings.Clone(p.Value)}
	}
	return template{otlp.NewAttributes(pairs), want}
}

// now is what the shared slice has, in its order.
func (a template) now() (got []otlp.Pair) {
	m := pcommon.NewMap()
	a.Into(m)
	for k, v := range m.All() {
		got = append(got, otlp.Pair{Key: k, Value: v.AsString()})
	}
	return got
}

func (a template) intact() bool { return slices.Equal(a.want, a.now()) }

const pointsOfMetric = 3

// templates are all the attributes of the batches. Those of points are shared by all metrics of all senders.
type templates struct {
	resources       [][]template // by sender, because streams must be one sender's for their times to ascend
	points          []template
	scope, exemplar template
}

func newTemplates(senders int) *templates {
	ts := &templates{
		scope:    newTemplate(otlp.Pair{Key: "lib", Value: "net"}),
		exemplar: newTemplate(otlp.Pair{Key: "sampled", Value: "yes"}, otlp.Pair{Key: "user", Value: "jo"}),
	}
	for sender := range senders {
		ts.resources = append(ts.resources, []template{serviceTemplate("checkout", sender), serviceTemplate("cart", sender)})
	}
	for i, env := range [pointsOfMetric]string{"dev", "prod", "test"} {
		ts.points = append(ts.points, newTemplate(
			otlp.Pair{Key: "zone", Value: "eu-1"},
			otlp.Pair{Key: "host", Value: fmt.Sprintf("host%d", i)},
			otlp.Pair{Key: "path", Value: "/pay"},
			otlp.Pair{Key: "secret", Value: "hunter2"},
			otlp.Pair{Key: "env", Value: env}))
	}
	return ts
}

func serviceTemplate(service string, sender int) template {
	return newTemplate(
		otlp.Pair{Key: "service.name", Value: service},
		otlp.Pair{Key: "service.namespace", Value: fmt.Sprintf("ns%d", sender)},
		otlp.Pair{Key: "service.instance.id", Value: service + ":80"},
		otlp.Pair{Key: "team", Value: "shop"})
}

func (ts *templates) all() []template {
	return slices.Concat([]template{ts.scope, ts.exemplar}, ts.points, slices.Concat(ts.resources...))
}

func (ts *templates) assertIntact(t *testing.T) {
	t.Helper()
	for _, a := range ts.all() {
		assert.Equal(t, a.want, a.now(), "a template was changed")
	}
}

// batch is a sender's n-th. It has every type of metric; a receiver must mark it read-only.
func (ts *templates) batch(sender, n int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	at := pcommon.NewTimestampFromTime(time.Now().Add(time.Duration(n) * time.Millisecond))
	for _, r := range ts.resources[sender] {
		rm := md.ResourceMetrics().AppendEmpty()
		r.Into(rm.Resource().Attributes())
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.Scope().SetName("scraper")
		ts.scope.Into(sm.Scope().Attributes())
		ts.fill(sm.Metrics(), n, at)
	}
	return md
}

func (ts *templates) fill(ms pmetric.MetricSlice, n int, at pcommon.Timestamp) {
	ts.numbers(named(ms, "queue").SetEmptyGauge().DataPoints(), n, at)
	for _, temporality := range []pmetric.AggregationTemporality{
		pmetric.AggregationTemporalityCumulative, pmetric.AggregationTemporalityDelta,
	} {
		suffix := strings.ToLower(temporality.String())
		sum := named(ms, "requests_"+suffix).SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(temporality)
		ts.numbers(sum.DataPoints(), n, at)
		h := named(ms, "duration_"+suffix).SetEmptyHistogram()
		h.SetAggregationTemporality(temporality)
		ts.histograms(h.DataPoints(), n, at)
		e := named(ms, "size_"+suffix).SetEmptyExponentialHistogram()
		e.SetAggregationTemporality(temporality)
		ts.exponentials(e.DataPoints(), n, at)
	}
	ts.summaries(named(ms, "latency").SetEmptySummary().DataPoints(), n, at)
}

func named(ms pmetric.MetricSlice, name string) pmetric.Metric {
	m := ms.AppendEmpty()
	m.SetName(name)
	return m
}

func (ts *templates) numbers(ps pmetric.NumberDataPointSlice, n int, at pcommon.Timestamp) {
	for _, a := range ts.points {
		p := ps.AppendEmpty()
		a.Into(p.Attributes())
		p.SetTimestamp(at)
		p.SetDoubleValue(float64(n))
		ts.sample(p.Exemplars(), at)
	}
}

func (ts *templates) histograms(ps pmetric.HistogramDataPointSlice, n int, at pcommon.Timestamp) {
	for _, a := range ts.points {
		p := ps.AppendEmpty()
		a.Into(p.Attributes())
		p.SetTimestamp(at)
		p.ExplicitBounds().FromRaw([]float64{1, 2})
		p.BucketCounts().FromRaw([]uint64{1, 2, uint64(n)})
		p.SetCount(3 + uint64(n))
		p.SetSum(float64(n))
		ts.sample(p.Exemplars(), at)
	}
}

func (ts *templates) exponentials(ps pmetric.ExponentialHistogramDataPointSlice, n int, at pcommon.Timestamp) {
	for _, a := range ts.points {
		p := ps.AppendEmpty()
		a.Into(p.Attributes())
		p.SetTimestamp(at)
		p.SetScale(1)
		p.Positive().BucketCounts().FromRaw([]uint64{1, uint64(n)})
		p.SetCount(1 + uint64(n))
		p.SetSum(float64(n))
		ts.sample(p.Exemplars(), at)
	}
}

func (ts *templates) summaries(ps pmetric.SummaryDataPointSlice, n int, at pcommon.Timestamp) {
	for _, a := range ts.points {
		p := ps.AppendEmpty()
		a.Into(p.Attributes())
		p.SetTimestamp(at)
		p.SetCount(uint64(n))
		p.SetSum(float64(n))
		q := p.QuantileValues().AppendEmpty()
		q.SetQuantile(0.5)
		q.SetValue(float64(n))
	}
}

func (ts *templates) sample(es pmetric.ExemplarSlice, at pcommon.Timestamp) {
	e := es.AppendEmpty()
	ts.exemplar.Into(e.FilteredAttributes())
	e.SetTimestamp(at)
	e.SetDoubleValue(1.5)
}
