package guardextension

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.yaml.in/yaml/v3"

	"github.com/sluice-metrics/sluice/extension/guardextension/internal/metadata"
)

const patience = 20 * time.Second

// world is a host with a guard, and what it was told of its status.
type world struct {
	component.Host

	t          *testing.T
	guard      *guard
	telemetry  *componenttest.Telemetry
	extensions map[component.ID]component.Component

	mu     sync.Mutex
	events []componentstatus.Status
}

func (w *world) GetExtensions() map[component.ID]component.Component { return w.extensions }

func (w *world) Report(e *componentstatus.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e.Status())
}

func (w *world) statuses() []componentstatus.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]componentstatus.Status(nil), w.events...)
}

// eventuallyIs waits for the statuses: the breaker changes before its status is told.
func (w *world) eventuallyIs(want ...componentstatus.Status) {
	w.t.Helper()
	assert.EventuallyWithT(w.t, func(c *assert.CollectT) { assert.Equal(c, want, w.statuses()) }, patience, time.Millisecond)
}

// newWorld starts a guard with the YAML, and stops it after all that is started later.
func newWorld(t *testing.T, text string) *world {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	set := extension.Settings{ID: component.NewID(metadata.Type), TelemetrySettings: telemetry.NewTelemetrySettings()}
	cfg := createDefaultConfig().(*Config)
	unmarshal(t, text, cfg)
	require.NoError(t, cfg.Validate())
	g, err := newGuard(&set, cfg)
	require.NoError(t, err)
	w := &world{
		Host: componenttest.NewNopHost(), t: t, guard: g, telemetry: telemetry,
		extensions: map[component.ID]component.Component{set.ID: g},
	}
	require.NoError(t, g.Start(t.Context(), w))
	t.Cleanup(func() {
		w.quiet()
		assert.NoError(t, g.Shutdown(context.Background()))
		assert.NoError(t, telemetry.Shutdown(context.Background()))
	})
	return w
}

func unmarshal(tb testing.TB, text string, cfg any) {
	tb.Helper()
	var m map[string]any
	require.NoError(tb, yaml.Unmarshal([]byte(text), &m))
	require.NoError(tb, confmap.NewFromStringMap(m).Unmarshal(cfg))
}

// quiet checks that no place, byte or expectation has leaked.
func (w *world) quiet() {
	w.t.Helper()
	s := w.guard.server
	assert.EventuallyWithT(w.t, func(c *assert.CollectT) {
		n, bytes := s.inFlight.Now()
		assert.Zero(c, n, "requests in flight")
		assert.Zero(c, bytes, "bytes in flight")
	}, patience, 10*time.Millisecond)
}

func (w *world) decided(p protocol, r reason) int64 { return w.guard.server.decisions.sum(p, r) }

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// intake is the core OTLP receiver with the guard on both of its servers.
type intake struct {
	grpc, http string
	sink       *points
}

// receive starts one at free addresses. What was free a moment ago may be taken by now.
func (w *world) receive(sink *points) *intake {
	w.t.Helper()
	for range 5 {
		r := &intake{grpc: freeAddress(w.t), http: freeAddress(w.t), sink: sink}
		if err := w.start(r, ""); err == nil {
			return r
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			require.NoError(w.t, err)
		}
	}
	w.t.Fatal("no address stays free")
	return nil
}

// listen starts the receiver with protocols of the test's own.
func (w *world) listen(r *intake, protocols string) {
	w.t.Helper()
	require.NoError(w.t, w.start(r, protocols))
}

func (w *world) start(r *intake, protocols string) error {
	w.t.Helper()
	f := otlpreceiver.NewFactory()
	cfg := f.CreateDefaultConfig()
	unmarshal(w.t, `
protocols:`+cmp.Or(protocols, `
  grpc: {endpoint: "`+r.grpc+`", middlewares: [{id: guard}]}
  http: {endpoint: "`+r.http+`", middlewares: [{id: guard}]}`), cfg)
	set := receivertest.NewNopSettings(f.Type())
	rec, err := f.CreateMetrics(w.t.Context(), set, cfg, r.sink)
	require.NoError(w.t, err)
	if err := rec.Start(w.t.Context(), w); err != nil {
		return errors.Join(err, rec.Shutdown(context.Background()))
	}
	w.t.Cleanup(func() { assert.NoError(w.t, rec.Shutdown(context.Background())) })
	return nil
}

// points counts what a pipeline takes, by the value of each point, which is its identity.
type points struct {
	// hook may hold up or refuse a batch.
	hook func(context.Context) error

	mu   sync.Mutex
	seen map[int64]int
}

func newPoints() *points { return &points{seen: map[int64]int{}} }

func (*points) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (p *points) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if p.hook != nil {
		if err := p.hook(ctx); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				p.count(m)
			}
		}
	}
	return nil
}

func (p *points) count(m pmetric.Metric) {
	dps := m.Gauge().DataPoints()
	if m.Type() == pmetric.MetricTypeSum {
		dps = m.Sum().DataPoints()
	}
	for _, dp := range dps.All() {
		p.seen[dp.IntValue()]++
	}
}

// distinct counts the points that came, and those that came more than once.
func (p *points) distinct() (n, twice int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, times := range p.seen {
		n++
		if times > 1 {
			twice++
		}
	}
	return n, twice
}

// batch has one gauge of so many bytes about, whose value is id.
func batch(id int64, size int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
	dp.SetIntValue(id)
	dp.Attributes().PutStr("pad", strings.Repeat("x", size))
	return md
}

// export starts a core exporter with the YAML, with or without the guard.
func (w *world) export(f exporter.Factory, text string) exporter.Metrics {
	w.t.Helper()
	cfg := f.CreateDefaultConfig()
	unmarshal(w.t, text, cfg)
	e, err := f.CreateMetrics(w.t.Context(), exportertest.NewNopSettings(f.Type()), cfg)
	require.NoError(w.t, err)
	require.NoError(w.t, e.Start(w.t.Context(), w))
	w.t.Cleanup(func() { assert.NoError(w.t, e.Shutdown(context.Background())) })
	return e
}

// answer is that of an HTTP server.
type answer struct {
	code   int
	header http.Header
	body   []byte
	err    error
}

// post sends a body. A nil reader sends that of batch.
func post(t *testing.T, address, contentType string, body io.Reader, headers ...string) answer {
	t.Helper()
	if body == nil {
		body = bytes.NewReader(encoded(t, contentType, batch(1, 100)))
	}
	a := tryPost(t.Context(), address, contentType, body, headers...)
	require.NoError(t, a.err)
	return a
}

func tryPost(ctx context.Context, address, contentType string, body io.Reader, headers ...string) (a answer) {
	var req *http.Request
	if req, a.err = http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/metrics", body); a.err != nil {
		return a
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	res, err := client.Do(req)
	if err != nil {
		a.err = err
		return a
	}
	defer func() { _ = res.Body.Close() }()
	a.code, a.header = res.StatusCode, res.Header
	a.body, a.err = io.ReadAll(res.Body)
	return a
}

func encoded(t require.TestingT, contentType string, md pmetric.Metrics) []byte {
	req := pmetricotlp.NewExportRequestFromMetrics(md)
	marshal := req.MarshalProto
	if contentType == jsonType {
		marshal = req.MarshalJSON
	}
	data, err := marshal()
	require.NoError(t, err)
	return data
}

func gzipped(t *testing.T, data []byte) *bytes.Buffer {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return &buf
}

// barrier holds up pipelines until it is opened, or until the test ends: a receiver waits for what it serves.
type barrier struct {
	c    chan struct{}
	once sync.Once
}

func newBarrier(t *testing.T) *barrier {
	t.Helper()
	g := &barrier{c: make(chan struct{})}
	t.Cleanup(g.open)
	return g
}

func (g *barrier) open() { g.once.Do(func() { close(g.c) }) }

var errDown = errors.New("down")
