package inprocess

import (
	"maps"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter"
)

// pullImpl is one of the two sides. What conf sets beside the address makes both do the same: all formats, no bound on
// series, nothing expires during a benchmark.
type pullImpl struct {
	name    string
	factory exporter.Factory
	conf    map[string]any
}

var pullImpls = []pullImpl{
	{"sluice", prometheuspullexporter.NewFactory(), map[string]any{"metric_expiration": "24h", "max_series": 0}},
	{"contrib", prometheusexporter.NewFactory(), map[string]any{"metric_expiration": "24h", "enable_open_metrics": true}},
}

// pull is a running pull exporter.
type pull struct {
	consumer.Metrics
	url string
	// stop may be called before the test ends, which calls it again.
	stop func()
}

// start serves on a free port of the loopback until the test ends.
func (i pullImpl) start(tb testing.TB) *pull {
	tb.Helper()
	address := freeAddress(tb)
	conf := map[string]any{"endpoint": address}
	maps.Copy(conf, i.conf)
	set := exportertest.NewNopSettings(i.factory.Type())
	set.TelemetrySettings = telemetrySettings(tb)
	e, err := i.factory.CreateMetrics(tb.Context(), set, configure(tb, i.factory, conf))
	require.NoError(tb, err)
	return &pull{Metrics: e, url: "http://" + address + "/metrics", stop: start(tb, e)}
}

// freeAddress is one that was free a moment ago: contrib's exporter does not tell which port it was given, so that it
// cannot be told to choose one.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	require.NoError(tb, listener.Close())
	return listener.Addr().String()
}

// add sends batches as they are: neither side edits cumulative points, so that the same batch may come again.
func (p *pull) add(tb testing.TB, mds ...pmetric.Metrics) {
	tb.Helper()
	for _, md := range mds {
		if err := p.ConsumeMetrics(tb.Context(), md); err != nil {
			tb.Fatal(err)
		}
	}
}
