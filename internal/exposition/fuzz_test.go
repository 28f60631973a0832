package exposition

import (
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// FuzzPageOfAnyOTLP feeds whatever decodes as OTLP to a store. Every page must be one that Prometheus reads.
func FuzzPageOfAnyOTLP(f *testing.F) {
	seed := pmetric.NewMetrics()
	m := seed.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("http.duration")
	m.SetUnit("s")
	h := m.SetEmptyExponentialHistogram()
	h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	dp := h.DataPoints().AppendEmpty()
	dp.Attributes().PutStr("http.route", "/pay")
	dp.SetTimestamp(pcommon.Timestamp(1_700_000_000_000_000_000))
	dp.Positive().BucketCounts().FromRaw([]uint64{1, 0, 2})
	dp.SetCount(3)
	dp.SetSum(4.5)
	text, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(seed)
	require.NoError(f, err)
	f.Add(text)
	f.Fuzz(func(t *testing.T, data []byte) {
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
		if err != nil {
			t.Skip("not OTLP")
		}
		s := NewStore(Options{Strategy: otlptranslator.NoUTF8EscapingWithSuffixes, MaxSeries: 1000})
		s.Add(md)
		for _, format := range allFormats {
			scrape(t, s, format)
		}
	})
}
