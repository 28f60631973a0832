package rulestest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The fixed batch is worth testing with only if every condition tells some of its points from others.
func TestMetricsTellConditionsApart(t *testing.T) {
	points := Points(Metrics())
	for _, c := range Conditions {
		held := 0
		for _, p := range points {
			if c.Holds(p) {
				held++
			}
		}
		assert.Positive(t, held, c.Text)
		assert.Less(t, held, len(points), c.Text)
	}
}

func TestMetricsHaveEveryType(t *testing.T) {
	types := map[pmetric.MetricType]bool{}
	ids := map[int64]bool{}
	for _, p := range Points(Metrics()) {
		types[p.Metric.Type()] = true
		ids[p.ID] = true
	}
	assert.Len(t, types, 5)
	assert.Len(t, ids, Metrics().DataPointCount())
}
