package promotlp

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// client_golang shows the Go runtime like this: a gauge has the name of a counter's family.
const goRuntime = `# HELP go_memstats_alloc_bytes In use.
# TYPE go_memstats_alloc_bytes gauge
go_memstats_alloc_bytes 3
# HELP go_memstats_alloc_bytes Allocated.
# TYPE go_memstats_alloc_bytes counter
# UNIT go_memstats_alloc_bytes bytes
go_memstats_alloc_bytes_total 7
go_memstats_alloc_bytes_created 900
# EOF
`

func TestAGaugeMayHaveTheNameOfACountersFamily(t *testing.T) {
	c := New(newTarget(), newOptions())
	scrape(t, c, goRuntime, "application/openmetrics-text")
	epoch := c.meta.epoch
	scrape(t, c, goRuntime, "application/openmetrics-text")
	md := scrape(t, c, goRuntime, "application/openmetrics-text")
	assert.Equal(t, epoch, c.meta.epoch, "nothing is placed anew")
	ms := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	gauge, counter := ms.At(0), ms.At(1)
	assert.Equal(t, "go_memstats_alloc_bytes", gauge.Name())
	assert.Equal(t, "In use.", gauge.Description())
	assert.Equal(t, pmetric.MetricTypeGauge, gauge.Type())
	assert.Empty(t, gauge.Unit())
	assert.Equal(t, "go_memstats_alloc_bytes_total", counter.Name())
	assert.Equal(t, "Allocated.", counter.Description())
	assert.True(t, counter.Sum().IsMonotonic())
	assert.Equal(t, "By", counter.Unit())
	assert.Equal(t, int64(900), counter.Sum().DataPoints().At(0).StartTimestamp().AsTime().Unix())
	assert.Zero(t, c.Counts().Dropped)
}
