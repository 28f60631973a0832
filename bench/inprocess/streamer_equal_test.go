package inprocess

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// What is compared for speed must do the same work.
func TestStreamerSidesAreEqual(t *testing.T) {
	input := batches(pointsPerBatch, mixed)[0]
	for _, c := range streamerCases {
		t.Run(c.name, func(t *testing.T) {
			var out []string
			for _, impl := range streamerImpls {
				out = append(out, processed(t, c, impl, input))
			}
			assert.Equal(t, out[0], out[1])
			assert.NotEqual(t, asJSON(t, input), out[0], "a case that changes nothing measures nothing")
		})
	}
}

func processed(t *testing.T, c streamerCase, impl streamerImpl, md pmetric.Metrics) string {
	t.Helper()
	sink := &consumertest.MetricsSink{}
	require.NoError(t, impl.make(t, c, sink).ConsumeMetrics(t.Context(), clone(md)))
	require.Len(t, sink.AllMetrics(), 1)
	return asJSON(t, sink.AllMetrics()[0])
}

func asJSON(t *testing.T, md pmetric.Metrics) string {
	t.Helper()
	text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	return string(text)
}
