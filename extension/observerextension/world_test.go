package observerextension

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
	logobserver "go.uber.org/zap/zaptest/observer"
	"go.yaml.in/yaml/v3"

	"github.com/sluice-metrics/sluice/extension/observerextension/internal/metadata"
)

// patience bounds every wait.
const patience = 10 * time.Second

// world is a running extension and what is seen of it.
type world struct {
	Subject
	extension component.Component
	tel       *componenttest.Telemetry
	logs      *logobserver.ObservedLogs
	host      *host
}

// host has the extension and takes note of statuses.
type host struct {
	component.Host
	extensions map[component.ID]component.Component
	statuses   chan *componentstatus.Event
}

func (h *host) GetExtensions() map[component.ID]component.Component { return h.extensions }

func (h *host) Report(e *componentstatus.Event) { h.statuses <- e }

func configured(t *testing.T, text string) *Config {
	t.Helper()
	var m map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &m))
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(m).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

// begin starts an extension with a configuration. It is stopped when the test ends, if it still runs then.
func begin(t *testing.T, text string) *world {
	t.Helper()
	w := &world{tel: componenttest.NewTelemetry()}
	core, logs := logobserver.New(zap.DebugLevel)
	set := extensiontest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	set.TelemetrySettings = w.tel.NewTelemetrySettings()
	set.Logger = zap.New(core)
	w.logs = logs
	e, err := NewFactory().Create(t.Context(), set, configured(t, text))
	require.NoError(t, err)
	w.extension = e
	w.host = &host{
		Host: componenttest.NewNopHost(), statuses: make(chan *componentstatus.Event, 100),
		extensions: map[component.ID]component.Component{set.ID: e},
	}
	w.Subject, err = Find(w.host, set.ID)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), w.host))
	t.Cleanup(func() {
		w.end(t)
		assert.NoError(t, w.tel.Shutdown(context.WithoutCancel(t.Context())))
	})
	return w
}

func (w *world) end(t *testing.T) {
	t.Helper()
	assert.NoError(t, w.extension.Shutdown(context.WithoutCancel(t.Context())))
}

func eventually(t *testing.T, holds func() bool, what string) {
	t.Helper()
	require.Eventually(t, holds, patience, 5*time.Millisecond, what)
}

// gauge is a batch of one point.
func gauge(name string, value float64, at int, attrs ...string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "shop")
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("lib")
	m := sm.Metrics().AppendEmpty()
	m.SetName(name)
	m.SetUnit("{jobs}")
	m.SetDescription("Jobs that wait.")
	p := m.SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.NewTimestampFromTime(begun.Add(time.Duration(at) * time.Second)))
	p.SetDoubleValue(value)
	for i := 0; i < len(attrs); i += 2 {
		p.Attributes().PutStr(attrs[i], attrs[i+1])
	}
	return md
}

// begun is when the first points are from.
var begun = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
