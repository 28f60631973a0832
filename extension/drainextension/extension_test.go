package drainextension

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sluice-metrics/sluice/extension/drainextension/internal/metadata"
	"github.com/sluice-metrics/sluice/extension/drainextension/internal/metadatatest"
	"github.com/sluice-metrics/sluice/internal/drain"
	"github.com/sluice-metrics/sluice/internal/ledger"
)

func get(t *testing.T, d *drainExtension, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.server.Addr().String()+path, http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { assert.NoError(t, res.Body.Close()) }()
	page, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(page)
}

// world is an extension and what it logs.
type world struct {
	*drainExtension
	logs *observer.ObservedLogs
}

func newWorld(entry *EntryPoint, change func(*Config)) *world {
	core, logs := observer.New(zap.DebugLevel)
	set := extensiontest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = "localhost:0"
	cfg.ServerConfig.KeepAlivesEnabled = false
	if change != nil {
		change(cfg)
	}
	return &world{newExtension(cfg, set, entry), logs}
}

func (w *world) start(t *testing.T) *world {
	t.Helper()
	require.NoError(t, w.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, w.Shutdown(context.Background())) })
	return w
}

func TestReadinessFollowsThePipelinesWhileLivenessStays(t *testing.T) {
	w := newWorld(nil, nil).start(t)
	for _, step := range []struct {
		enter  func() error
		status int
		body   string
	}{
		{func() error { return nil }, http.StatusServiceUnavailable, "starting\n"},
		{w.Ready, http.StatusOK, "ready\n"},
		{w.NotReady, http.StatusServiceUnavailable, "stopping\n"},
	} {
		require.NoError(t, step.enter())
		status, body := get(t, w.drainExtension, "/readyz")
		assert.Equal(t, step.status, status)
		assert.Equal(t, step.body, body)
		status, _ = get(t, w.drainExtension, "/livez")
		assert.Equal(t, http.StatusOK, status)
	}
}

// The entry point knows of the end before the collector tells its extensions.
func TestReadinessIsWithdrawnAtOnce(t *testing.T) {
	process := drain.NewProcess(nil, drain.Limits{})
	w := newWorld(&EntryPoint{Process: process}, nil).start(t)
	require.NoError(t, w.Ready())
	process.Begin("terminated")
	status, body := get(t, w.drainExtension, "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, "stopping\n", body)
}

func TestUnknownPathIsNotFound(t *testing.T) {
	status, _ := get(t, newWorld(nil, nil).start(t).drainExtension, "/health")
	assert.Equal(t, http.StatusNotFound, status)
}

func TestOccupiedEndpointIsNamed(t *testing.T) {
	taken := newWorld(nil, nil).start(t).server.Addr().String()
	second := newWorld(nil, func(c *Config) { c.ServerConfig.NetAddr.Endpoint = taken })
	require.ErrorContains(t, second.Start(t.Context(), componenttest.NewNopHost()), taken)
	require.NoError(t, second.Shutdown(t.Context()))
}

func TestReportFileNeedsAFolder(t *testing.T) {
	w := newWorld(nil, func(c *Config) { c.ReportFile = filepath.Join(t.TempDir(), "none", "report.json") })
	require.ErrorContains(t, w.Start(t.Context(), componenttest.NewNopHost()), "`report_file`")
}

func TestShutdownTwiceAndWithoutStart(t *testing.T) {
	w := newWorld(nil, nil)
	require.NoError(t, w.Shutdown(t.Context()))
	w = newWorld(nil, nil).start(t)
	require.NoError(t, w.Shutdown(t.Context()))
	require.NoError(t, w.Shutdown(t.Context()))
	assert.Zero(t, w.logs.Len(), "what never stopped has nothing to report")
}

func TestFactoryCreates(t *testing.T) {
	f := NewFactory()
	ext, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), f.CreateDefaultConfig())
	require.NoError(t, err)
	assert.Empty(t, ext.(*drainExtension).Dependencies())
	require.NoError(t, ext.Shutdown(t.Context()))
}

func TestDependenciesAreTheEntryPoints(t *testing.T) {
	other := component.MustNewID("health_check")
	entry := &EntryPoint{Process: drain.NewProcess(nil, drain.Limits{}), Watchers: func(of component.ID) []component.ID {
		assert.Equal(t, metadata.Type, of.Type())
		return []component.ID{other}
	}}
	assert.Equal(t, []component.ID{other}, newWorld(entry, nil).Dependencies())
}

// report is the one line of the log that has a report.
func (w *world) report(t *testing.T) (observer.LoggedEntry, *drain.Report) {
	t.Helper()
	lines := w.logs.FilterMessageSnippet("points accepted").All()
	require.Len(t, lines, 1)
	return lines[0], lines[0].Context[0].Interface.(*drain.Report)
}

// A collector of somebody else's, in which nobody counts and nobody says that this is the end of the process.
func TestForeignReportSaysWhatItDoesNotKnow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	w := newWorld(nil, func(c *Config) { c.ReportFile = file }).start(t)
	require.NoError(t, w.Ready())
	require.NoError(t, w.NotReady())
	require.NoError(t, w.Shutdown(t.Context()))
	line, r := w.report(t)
	assert.Equal(t, zap.InfoLevel, line.Level)
	assert.Contains(t, line.Message, "unknown points accepted, unknown delivered, unknown stored, unknown lost")
	assert.Equal(t, drain.Clean, r.Outcome)
	assert.Contains(t, r.Reason, "no signal")

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var read map[string]any
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, "unknown", read["exit_code"])
	assert.Equal(t, "unknown", read["points"].(map[string]any)["lost"])
}

// It hears signals by itself, so that a shutdown is told from a reload there too.
func TestForeignShutdownHasALameDuck(t *testing.T) {
	const delay = 300 * time.Millisecond
	w := newWorld(nil, func(c *Config) { c.Delay = delay }).start(t)
	require.NoError(t, w.Ready())
	collector := make(chan os.Signal, 1)
	signal.Notify(collector, syscall.SIGTERM)
	defer signal.Stop(collector)
	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGTERM)) // it is heard, so the test survives
	<-collector                                                         // tells its extensions when it has heard it
	began := time.Now()
	require.NoError(t, w.NotReady())
	assert.GreaterOrEqual(t, time.Since(began), delay-hearing)
	require.NoError(t, w.Shutdown(t.Context()))
	_, r := w.report(t)
	assert.Equal(t, "terminated", r.Reason)
	assert.Equal(t, "lame_duck", r.Phases[0].Name)
}

func TestForeignReportOfAStopThatHangs(t *testing.T) {
	w := newWorld(nil, func(c *Config) { c.Timeout, c.ComponentTimeout = 2*time.Second, 20*time.Millisecond }).start(t)
	require.NoError(t, w.Ready())
	require.NoError(t, w.NotReady())
	id := componentstatus.NewInstanceID(component.MustNewID("otlp"), component.KindReceiver)
	w.ComponentStatusChanged(id, componentstatus.NewEvent(componentstatus.StatusStopping))
	require.Eventually(t, func() bool { return w.logs.FilterMessageSnippet("points accepted").Len() == 1 }, 10*time.Second, time.Millisecond)
	_, r := w.report(t)
	assert.Equal(t, drain.Failed, r.Outcome)
	assert.Equal(t, []string{"receiver otlp"}, r.Hung())
	warned := w.logs.FilterMessage("A component does not stop.").All()
	require.Len(t, warned, 1)
	assert.Equal(t, "receiver otlp", warned[0].ContextMap()["component"])

	w.ComponentStatusChanged(id, componentstatus.NewEvent(componentstatus.StatusStopped))
	require.NoError(t, w.Shutdown(t.Context()))
	w.report(t) // still one
}

// counted has lost two of five points.
func counted() *drain.Process {
	books := &ledger.Ledger{}
	process := drain.NewProcess(books, drain.Limits{})
	books.Receiver("otlp").Passed(5, nil)
	books.Processor("batch").Passed(nil, 2, errors.New("full"))
	return process
}

func TestReportIsTheEntryPointsToSend(t *testing.T) {
	process := counted()
	file := filepath.Join(t.TempDir(), "report.json")
	w := newWorld(&EntryPoint{Process: process}, func(c *Config) { c.ReportFile = file }).start(t)
	require.NoError(t, w.Ready())
	process.Begin("interrupt")
	require.NoError(t, w.NotReady())
	require.NoError(t, w.Shutdown(t.Context()))
	assert.Zero(t, w.logs.FilterMessageSnippet("points accepted").Len())

	r, ok := process.Report()
	require.True(t, ok)
	r.Outcome, r.ExitCode = drain.Lost, ledger.Known(4)
	process.Emit(&r, time.Minute)
	line, _ := w.report(t)
	assert.Equal(t, zap.WarnLevel, line.Level)
	assert.Contains(t, line.Message, "Drained (lost)")
	assert.Contains(t, line.Message, "5 points accepted")
	assert.Contains(t, line.Message, "2 lost")
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing half written is left")
}

func TestReportThatCannotBeWrittenIsLogged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(dir, 0o750))
	w := newWorld(nil, func(c *Config) { c.ReportFile = filepath.Join(dir, "report.json") }).start(t)
	require.NoError(t, os.Remove(dir))
	require.NoError(t, w.Ready())
	require.NoError(t, w.NotReady())
	require.NoError(t, w.Shutdown(t.Context()))
	assert.Equal(t, 1, w.logs.FilterMessage("The report could not be written.").Len())
	w.report(t)
}

type host struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h host) GetExtensions() map[component.ID]component.Component { return h.extensions }

type stopped struct{ order *[]string }

func (s stopped) Shutdown(context.Context) error {
	*s.order = append(*s.order, "shutdowner")
	return errors.New("would not")
}

func TestOtherComponentsTakePart(t *testing.T) {
	w := newWorld(nil, nil)
	h := host{componenttest.NewNopHost(), map[component.ID]component.Component{
		component.MustNewID("nop"): extension.Extension(struct {
			component.StartFunc
			component.ShutdownFunc
		}{}), component.MustNewID("drain"): w.drainExtension,
	}}
	d, found := Find(h)
	require.True(t, found)
	_, found = Find(componenttest.NewNopHost())
	assert.False(t, found)

	var order []string
	task := func(name string) Task {
		return func(context.Context) error {
			order = append(order, name)
			return nil
		}
	}
	d.AddCleanupTask("files", task("cleanup"))
	d.Register("cache", stopped{&order})
	d.AddFlushTask("aggregates", task("flush"))
	w.start(t)
	require.NoError(t, w.Ready())
	require.NoError(t, w.NotReady())
	assert.Equal(t, []string{"flush"}, order)
	require.NoError(t, w.Shutdown(t.Context()))
	assert.Equal(t, []string{"flush", "shutdowner", "cleanup"}, order)
	assert.Equal(t, []string{"shutdowners cache: would not"}, d.Stats().Errors)
	_, r := w.report(t)
	assert.Equal(t, drain.Failed, r.Outcome)
}

func TestBooksAreSelfMetrics(t *testing.T) {
	tel := componenttest.NewTelemetry()
	defer func() { require.NoError(t, tel.Shutdown(context.Background())) }()
	set := metadatatest.NewSettings(tel)
	cfg := createDefaultConfig().(*Config)
	cfg.ServerConfig.NetAddr.Endpoint = "localhost:0"
	d := newExtension(cfg, set, &EntryPoint{Process: counted()})
	require.NoError(t, d.Start(t.Context(), componenttest.NewNopHost()))
	m, err := tel.GetMetric("otelcol_drain_points")
	require.NoError(t, err)
	got := map[string]int64{}
	for _, dp := range m.Data.(metricdata.Gauge[int64]).DataPoints {
		outcome, _ := dp.Attributes.Value("outcome")
		got[outcome.AsString()] = dp.Value
	}
	assert.Equal(t, map[string]int64{
		"accepted": 5, "refused": 0, "carried": 0, "removed": -2, "delivered": 0, "stored": 0, "held": 0, "lost": 2,
	}, got)
	require.NoError(t, d.Shutdown(t.Context()))
}

func TestHandshakesEndBeforeTheirServerIsLeftBehind(t *testing.T) {
	for _, tc := range []struct{ timeout, component, want time.Duration }{
		{30 * time.Second, 10 * time.Second, 5 * time.Second},
		{30 * time.Second, 4 * time.Second, 2 * time.Second},
		{6 * time.Second, 10 * time.Second, 3 * time.Second},
		{30 * time.Second, 0, 5 * time.Second},
	} {
		w := newWorld(nil, func(c *Config) { c.Timeout, c.ComponentTimeout = tc.timeout, tc.component })
		assert.Equal(t, tc.want, w.handshake())
		options, err := w.GetGRPCServerOptions(t.Context())
		require.NoError(t, err)
		assert.Len(t, options, 1)
	}
}
