package pushgroup

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"

	"github.com/sluice-metrics/sluice/internal/exposition"
	"github.com/sluice-metrics/sluice/internal/pushgatewaytest"
)

// pulled is what a scraper of the pull exporter's store gets.
func pulled(t tester, batches []pmetric.Metrics) *pushgatewaytest.Page {
	t.Helper()
	store := exposition.NewStore(exposition.Options{})
	for _, md := range batches {
		store.Add(md)
	}
	var body bytes.Buffer
	format := exposition.Format{Kind: exposition.Protobuf, Escaping: model.NoEscaping}
	require.NoError(t, store.Write(context.Background(), &body, exposition.Page{Format: format}, nil))
	page, err := pushgatewaytest.Parse(body.Bytes(), format.ContentType())
	require.NoError(t, err)
	return page
}

// arrives pushes batches and asserts that a scraper of the gateway gets what one of the pull exporter does.
func arrives(t *testing.T, want *pushgatewaytest.Page, batches []pmetric.Metrics) error {
	t.Helper()
	var err error
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.MaxGroups = 0 })
		defer w.close()
		defer func() { _ = w.engine.Shutdown(t.Context()) }()
		for _, md := range batches {
			w.engine.Add(md)
			time.Sleep(7 * time.Second)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		var got *pushgatewaytest.Page
		if got, err = w.gateway.Read(pushgatewaytest.Protobuf); err == nil {
			err = differ(want, got)
		}
		if len(w.heard().refused) > 0 {
			t.Errorf("refused: %v", w.heard().refused)
		}
	})
	return err
}

// differ compares all that a parser reads.
func differ(want, got *pushgatewaytest.Page) error {
	for _, c := range []struct{ want, got any }{
		{want.Values, got.Values}, {want.Natives, got.Natives}, {want.Types, got.Types}, {want.Helps, got.Helps},
	} {
		if !assert.ObjectsAreEqual(fmt.Sprint(c.want), fmt.Sprint(c.got)) { // by text: NaN is NaN
			return fmt.Errorf("pulled: %v\npushed: %v", c.want, c.got)
		}
	}
	return nil
}

func TestAllTypesArriveAsTheyArePulled(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "exporter", "prometheuspullexporter", "testdata", "all_types.json"))
	require.NoError(t, err)
	md, err := new(pmetric.JSONUnmarshaler).UnmarshalMetrics(text)
	require.NoError(t, err)
	for _, rm := range md.ResourceMetrics().All() {
		if _, ok := rm.Resource().Attributes().Get(serviceName); !ok {
			rm.Resource().Attributes().PutStr(serviceName, "s")
		}
	}
	want := pulled(t, []pmetric.Metrics{md})
	require.NotEmpty(t, want.Natives)
	require.NotEmpty(t, want.Values)
	require.NoError(t, arrives(t, want, []pmetric.Metrics{md}))
}

func TestArrivesAsItIsPulled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		batches := rapid.SliceOfN(rapid.Custom(drawBatch), 1, 4).Draw(rt, "batches")
		want := pulled(rt, batches)
		if err := arrives(t, want, batches); err != nil {
			rt.Fatal(err)
		}
	})
}

func drawBatch(rt *rapid.T) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for range rapid.IntRange(1, 3).Draw(rt, "resources") {
		rm := md.ResourceMetrics().AppendEmpty()
		res := rm.Resource().Attributes()
		res.PutStr(serviceName, rapid.SampledFrom([]string{"a", "b/c", "ü"}).Draw(rt, "service"))
		res.PutStr("service.instance.id", rapid.SampledFrom([]string{"1", "10.0.0.1:80", ".."}).Draw(rt, "instance"))
		if rapid.Bool().Draw(rt, "namespaced") {
			res.PutStr(serviceNamespace, "ns")
		}
		res.PutStr("host", rapid.SampledFrom([]string{"h1", "h2"}).Draw(rt, "host"))
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.Scope().SetName(rapid.SampledFrom([]string{"", "s"}).Draw(rt, "scope"))
		for i := range rapid.IntRange(1, 5).Draw(rt, "metrics") {
			drawMetric(rt, sm.Metrics().AppendEmpty(), strconv.Itoa(i))
		}
	}
	return md
}

// drawMetric gives each kind names of its own: who is first in a conflict may differ.
func drawMetric(rt *rapid.T, m pmetric.Metric, suffix string) {
	value := float64(rapid.IntRange(0, 100).Draw(rt, "value"))
	at := pcommon.Timestamp(rapid.Int64Range(1, 1000).Draw(rt, "time") * 1e9)
	attr := rapid.SampledFrom([]string{"", "x", "y/z", "\"\\\n", "ü"}).Draw(rt, "attr")
	kind := rapid.SampledFrom([]string{"gauge", "counter", "delta", "histogram", "exponential", "summary"}).Draw(rt, "kind")
	m.SetName(kind + "." + suffix)
	m.SetDescription("help of " + kind)
	fill := func(attrs pcommon.Map) {
		if attr != "" {
			attrs.PutStr("some.attr", attr)
		}
	}
	switch kind {
	case "gauge":
		dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
		dp.SetDoubleValue(rapid.SampledFrom([]float64{value, -value, math.Inf(1)}).Draw(rt, "gauge"))
		dp.SetTimestamp(at)
		fill(dp.Attributes())
	case "counter", "delta":
		s := m.SetEmptySum()
		s.SetIsMonotonic(true)
		s.SetAggregationTemporality(map[string]pmetric.AggregationTemporality{
			"counter": pmetric.AggregationTemporalityCumulative, "delta": pmetric.AggregationTemporalityDelta,
		}[kind])
		dp := s.DataPoints().AppendEmpty()
		dp.SetDoubleValue(value)
		dp.SetTimestamp(at)
		fill(dp.Attributes())
	case "histogram":
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		dp := m.Histogram().DataPoints().AppendEmpty()
		dp.ExplicitBounds().FromRaw([]float64{1, 10})
		dp.BucketCounts().FromRaw([]uint64{uint64(value), 2, 3})
		dp.SetCount(uint64(value) + 5)
		dp.SetSum(value)
		dp.SetTimestamp(at)
		fill(dp.Attributes())
	case "exponential":
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		dp := m.ExponentialHistogram().DataPoints().AppendEmpty()
		dp.Positive().BucketCounts().FromRaw([]uint64{uint64(value), 0, 0, 0, 4})
		dp.SetCount(uint64(value) + 4)
		dp.SetSum(value)
		dp.SetTimestamp(at)
		fill(dp.Attributes())
	case "summary":
		dp := m.SetEmptySummary().DataPoints().AppendEmpty()
		dp.SetCount(uint64(value))
		dp.SetSum(value)
		q := dp.QuantileValues().AppendEmpty()
		q.SetQuantile(0.5)
		q.SetValue(value)
		dp.SetTimestamp(at)
		fill(dp.Attributes())
	}
}

// TestNamesInUTF8 pushes to a gateway that was started to take them.
func TestNamesInUTF8(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) {
			o.Store.Strategy = otlptranslator.NoTranslation
			o.Rules = append(o.Rules, Rule{Label: "k8s.pod", Value: "p/1"})
		})
		w.close()
		w.gateway = pushgatewaytest.New(pushgatewaytest.Options{UTF8: true})
		defer func() {
			w.close()
			require.NoError(t, pushgatewaytest.New(pushgatewaytest.Options{}).Close()) // sets back what is global
		}()
		w.engine.Add(batch("cart", "1", "room.temperature", 1))
		synctest.Wait()
		assert.Equal(t, []string{"PUT /job/cart/instance/1/U__k8s_2e_pod@base64/cC8x"}, w.asked())
		require.NoError(t, w.engine.Shutdown(t.Context()))
		page, err := w.gateway.Read("text/plain;version=1.0.0;escaping=allow-utf-8")
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{`{__name__="room.temperature", instance="1", job="cart", "k8s.pod"="p/1"}`: 1}, page.Values)
	})
}
