package rules

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// BenchmarkRememberedMemory reports the heap that one series takes in the table, for rules that look at an attribute
// which each series has to itself: the worst case, for those that look at none of these share an entry.
func BenchmarkRememberedMemory(b *testing.B) {
	const total = 100_000
	for name, rule := range map[string]Rule{
		"drop":      {Drop: []string{`datapoint.attributes["id"] == "nosuch"`}},
		"transform": {Transform: []string{`set(datapoint.attributes["copy"], datapoint.attributes["id"])`}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p := compileMemoizing(b, Memoize{MaxSeries: 4 * total, Expiration: time.Hour}, rule)
				before := heap()
				for from := 0; from < total; from += 1000 {
					_, err := p.Run(b.Context(), gaugesWithIDs(from, 1000), make([]Counts, 1))
					require.NoError(b, err)
				}
				b.ReportMetric(float64(heap()-before)/float64(p.Remembered()), "bytes/series")
				runtime.KeepAlive(p)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// gaugesWithIDs has a point for each number from first on.
func gaugesWithIDs(first, points int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("gauge")
	gauge := m.SetEmptyGauge()
	for i := range points {
		gauge.DataPoints().AppendEmpty().Attributes().PutStr("id", strconv.Itoa(first+i))
	}
	return md
}
