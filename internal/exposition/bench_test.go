package exposition

import (
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// tenThousand is a batch of 10,000 counter series with 8 labels each.
func tenThousand() pmetric.Metrics {
	return single(func(m pmetric.Metric) {
		m.SetName("http.server.requests")
		s := m.SetEmptySum()
		s.SetIsMonotonic(true)
		s.SetAggregationTemporality(cumulative)
		for i := range 10_000 {
			dp := s.DataPoints().AppendEmpty()
			dp.SetTimestamp(pcommon.Timestamp(1))
			dp.SetIntValue(int64(i))
			dp.Attributes().PutStr("path", strconv.Itoa(i))
			for l := range 7 {
				dp.Attributes().PutStr("label."+strconv.Itoa(l), "value")
			}
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	s, md := NewStore(Options{}), tenThousand()
	b.ReportAllocs()
	for b.Loop() {
		s.Add(md)
	}
}

func BenchmarkFill(b *testing.B) {
	md := tenThousand()
	b.ReportAllocs()
	for b.Loop() {
		NewStore(Options{}).Add(md)
	}
}

func BenchmarkExpire(b *testing.B) {
	md := tenThousand()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s := NewStore(Options{Expiration: time.Nanosecond})
		s.Add(md)
		b.StartTimer()
		require.Equal(b, 10_000, s.Expire())
	}
}

func BenchmarkScrape(b *testing.B) {
	s := NewStore(Options{})
	s.Add(tenThousand())
	for name, format := range map[string]expfmt.Format{"text": textLegacy, "openmetrics": omLegacy, "protobuf": protoLegacy} {
		b.Run(name, func(b *testing.B) { benchmarkScrape(b, s, formatOf(format)) })
	}
}

func benchmarkScrape(b *testing.B, s *Store, format Format) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, s.Write(b.Context(), io.Discard, Page{Format: format}, nil))
	}
}
