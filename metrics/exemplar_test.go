package metrics

import (
	"context"
	"strings"
	"testing"
	"time"

	promexemplar "github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
)

func under(ctx context.Context, flags trace.TraceFlags, id byte) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{15: id}, SpanID: trace.SpanID{7: id}, TraceFlags: flags,
	}))
}

func recorded(t *testing.T) (*Counter[int64], *Histogram[float64], *Histogram[float64]) {
	t.Helper()
	c := Must(NewCounter("c", "h", nil, Constraints[int64]{Max: new(int64(100))}))
	h := Must(NewHistogram[float64]("h", "h", nil, Constraints[float64]{}, WithBounds(1, 2)))
	n := Must(NewHistogram[float64]("n", "h", nil, Constraints[float64]{}, WithExponentialBuckets(ExponentialBuckets{})))
	sampled := under(t.Context(), trace.FlagsSampled, 7)
	c.AddContext(sampled, 3)
	c.AddContext(sampled, 101)                // refused: no exemplar of what is not counted
	c.AddContext(under(t.Context(), 0, 9), 4) // nobody keeps this trace
	c.AddContext(t.Context(), 5)              // no span
	h.ObserveContext(sampled, 1.5)
	h.ObserveContext(under(t.Context(), trace.FlagsSampled, 8), 9)
	n.ObserveContext(sampled, 1.5)
	time.Sleep(time.Millisecond) // so that their order in time is sure
	n.ObserveContext(under(t.Context(), trace.FlagsSampled, 8), 0)
	return c, h, n
}

func TestExemplarsInPrometheus(t *testing.T) {
	c, h, n := recorded(t)
	text := page(t, registryOf(t, c, h), formats[1])
	span := `# {span_id="0000000000000007",trace_id="00000000000000000000000000000007"}`
	assert.Contains(t, text, "c_total 12.0 "+span+" 3.0 ")
	assert.Contains(t, text, `h_bucket{le="2.0"} 1 `+span+" 1.5 ")
	assert.Contains(t, text, `h_bucket{le="+Inf"} 2 `+strings.ReplaceAll(span, "7", "8")+" 9.0 ")
	assert.NotContains(t, text, `h_bucket{le="1.0"} 0 #`)

	parser := textparse.NewProtobufParser([]byte(page(t, registryOf(t, n), formats[2])), false, false, false, false, labels.NewSymbolTable())
	var values []float64
	for entry, err := parser.Next(); err == nil; entry, err = parser.Next() {
		if entry != textparse.EntryHistogram {
			continue
		}
		for e := (promexemplar.Exemplar{}); parser.Exemplar(&e); e = (promexemplar.Exemplar{}) {
			values = append(values, e.Value)
		}
	}
	assert.Equal(t, []float64{1.5, 0}, values, "the oldest first, as Prometheus wants them")
}

func TestExemplarsInOTel(t *testing.T) {
	c, h, n := recorded(t)
	data := produced(t, c, h, n).Metrics
	sum := data[0].Data.(metricdata.Sum[int64]).DataPoints[0]
	require.Len(t, sum.Exemplars, 1)
	assert.Equal(t, int64(3), sum.Exemplars[0].Value)
	assert.Equal(t, byte(7), sum.Exemplars[0].TraceID[15])
	assert.Equal(t, byte(7), sum.Exemplars[0].SpanID[7])
	assert.WithinDuration(t, time.Now(), sum.Exemplars[0].Time, time.Minute)
	assert.Len(t, data[1].Data.(metricdata.Histogram[float64]).DataPoints[0].Exemplars, 2)
	assert.Len(t, data[2].Data.(metricdata.ExponentialHistogram[float64]).DataPoints[0].Exemplars, 2)
}

// Whatever is observed, the exemplars of a histogram are bounded.
func TestExemplarsAreBounded(t *testing.T) {
	n := Must(NewHistogram[float64]("n", "h", nil, Constraints[float64]{}, WithExponentialBuckets(ExponentialBuckets{})))
	ctx := under(t.Context(), trace.FlagsSampled, 1)
	for i := range 1000 {
		n.ObserveContext(ctx, float64(i-500)/7)
	}
	assert.Len(t, produced(t, n).Metrics[0].Data.(metricdata.ExponentialHistogram[float64]).DataPoints[0].Exemplars, nativeExemplars)
}
