package prometheusalias

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/prometheusalias/internal/metadata"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "localhost:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

func fetch(ctx context.Context, t require.TestingT, url string) (body, contentType string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	http.DefaultClient.CloseIdleConnections()
	return string(text), resp.Header.Get("Content-Type")
}

func TestServesBehindAQueue(t *testing.T) {
	address := freeAddress(t)
	cfg := load(t, everyKey, "prometheus")
	cfg.Pull.ServerConfig.NetAddr.Endpoint = address
	cfg.Pull.EnableOpenMetrics = false
	exp, err := NewFactory().CreateMetrics(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	require.NoError(t, exp.Start(t.Context(), componenttest.NewNopHost()))
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("orders")
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(3)
	require.NoError(t, exp.ConsumeMetrics(t.Context(), md))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		body, contentType := fetch(t.Context(), c, "http://"+address+"/metrics")
		assert.Regexp(c, `(?m)^\S*orders\S* 3$`, body)
		assert.Contains(c, contentType, "text/plain; version=0.0.4", "OpenMetrics is off")
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, exp.Shutdown(t.Context()))
}

func TestKeyWithoutEffectIsWarnedOf(t *testing.T) {
	for _, suffixes := range []bool{true, false} {
		core, logs := observer.New(zap.WarnLevel)
		set := exportertest.NewNopSettings(metadata.Type)
		set.Logger = zap.New(core)
		cfg := createDefaultConfig().(*Config)
		cfg.AddMetricSuffixes = suffixes
		exp, err := NewFactory().CreateMetrics(t.Context(), set, cfg)
		require.NoError(t, err)
		require.NoError(t, exp.Shutdown(t.Context()))
		assert.Equal(t, !suffixes, logs.FilterMessageSnippet("`add_metric_suffixes` has no effect").Len() == 1)
	}
}
