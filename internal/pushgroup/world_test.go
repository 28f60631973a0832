package pushgroup

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/pushgatewaytest"
)

// tester is what testing.T and rapid.T have in common.
type tester interface {
	require.TestingT
	Helper()
}

// world is an engine and the real gateway it pushes to. It is to be made in a synctest bubble.
type world struct {
	t tester
	// ctx is that of the test in the bubble.
	ctx     func() context.Context
	engine  *Engine
	gateway *pushgatewaytest.Gateway
	opts    pushgatewaytest.Options

	mu sync.Mutex
	// requests are those that reached the gateway or a fault.
	requests []string
	fault    fault
	told     told
}

// told is what a listener was told.
type told struct {
	pushed, deleted []Report
	refused         []string
	dropped         map[Reason]int
	expired         int
	unchecked       int
	health          []error
}

func standard() Options {
	return Options{
		URL:    "http://gateway",
		Rules:  []Rule{{Label: "job", Attribute: serviceName, Default: "unknown_service"}, {Label: "instance", Attribute: "service.instance.id"}},
		Method: http.MethodPut, Interval: 10 * time.Second, Concurrency: 2, OnShutdown: FinalPush, Patience: 30 * time.Second,
		Retry: Retry{Enabled: true, Initial: time.Second, Max: 10 * time.Second, Multiplier: 2, MaxElapsed: time.Minute},
	}
}

func newWorld(t tester, change func(*Options)) *world {
	t.Helper()
	opts := standard()
	if change != nil {
		change(&opts)
	}
	return startWorld(t, opts, pushgatewaytest.Options{})
}

func newUncheckedWorld(t tester, change func(*Options)) *world {
	t.Helper()
	opts := standard()
	change(&opts)
	return startWorld(t, opts, pushgatewaytest.Options{Unchecked: true})
}

func startWorld(t tester, opts Options, gateway pushgatewaytest.Options) *world {
	w := &world{t: t, opts: gateway, gateway: pushgatewaytest.New(gateway)}
	w.told.dropped = map[Reason]int{}
	w.engine = New(opts, w)
	w.engine.Start(context.Background(), &http.Client{Transport: w})
	return w
}

func (w *world) close() {
	require.NoError(w.t, w.gateway.Close())
}

func (w *world) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.requests = append(w.requests, req.Method+" "+strings.TrimPrefix(req.URL.Path, "/metrics"))
	fault, gateway := w.fault, w.gateway
	w.mu.Unlock()
	if fault != nil {
		r, err := fault(req)
		if err != nil {
			return nil, err
		}
		if r != nil {
			return &http.Response{StatusCode: r.status, Header: r.header, Body: io.NopCloser(strings.NewReader(r.body))}, nil
		}
	}
	return gateway.RoundTrip(req)
}

// fail lets a fault answer; nil lets the gateway.
func (w *world) fail(f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

// restart replaces the gateway by one that has forgotten everything.
func (w *world) restart() {
	w.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gateway = pushgatewaytest.New(w.opts)
}

// asked returns the requests since it was called last.
func (w *world) asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	requests := w.requests
	w.requests = nil
	return requests
}

// has asserts that a scrape of the gateway shows these series, each as `name{labels} value`.
func (w *world) has(want ...string) {
	w.t.Helper()
	synctest.Wait() // the gateway answers 202 before it has deleted
	page, err := w.gateway.Read(pushgatewaytest.Text)
	require.NoError(w.t, err)
	got := make([]string, 0, len(page.Values))
	for series, value := range page.Values {
		got = append(got, fmt.Sprint(series, " ", value))
	}
	slices.Sort(got)
	slices.Sort(want)
	if want == nil {
		want = []string{}
	}
	assert.Equal(w.t, want, got)
}

func (w *world) groups() int {
	synctest.Wait()
	return len(w.gateway.Groups())
}

// fault answers in the place of a gateway, unless it returns nothing.
type fault func(*http.Request) (*reply, error)

type reply struct {
	status int
	header http.Header
	body   string
}

func answer(status int, headers ...string) fault {
	header := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	return func(*http.Request) (*reply, error) { return &reply{status: status, header: header}, nil }
}

func noAnswer(err error) fault {
	return func(*http.Request) (*reply, error) { return nil, err }
}

func (w *world) Begin(ctx context.Context, _ string) (context.Context, func(error)) {
	return ctx, func(error) {}
}

func (w *world) Pushed(r Report)  { w.listen(func(t *told) { t.pushed = append(t.pushed, r) }) }
func (w *world) Deleted(r Report) { w.listen(func(t *told) { t.deleted = append(t.deleted, r) }) }
func (w *world) Expired(n int)    { w.listen(func(t *told) { t.expired += n }) }
func (w *world) Unchecked()       { w.listen(func(t *told) { t.unchecked++ }) }
func (w *world) Health(err error) { w.listen(func(t *told) { t.health = append(t.health, err) }) }
func (w *world) Dropped(reason Reason, n int) {
	w.listen(func(t *told) { t.dropped[reason] += n })
}

func (w *world) Refused(group, family string, why error, rest time.Duration) {
	w.listen(func(t *told) { t.refused = append(t.refused, fmt.Sprint(group, " ", family, " ", rest, " ", why)) })
}

func (w *world) listen(f func(*told)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.told)
}

func (w *world) heard() told {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

// batch is one resource of a service with gauges.
func batch(service, instance string, values ...any) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(serviceName, service)
	if instance != "" {
		rm.Resource().Attributes().PutStr("service.instance.id", instance)
	}
	ms := rm.ScopeMetrics().AppendEmpty().Metrics()
	for i := 0; i < len(values); i += 2 {
		m := ms.AppendEmpty()
		m.SetName(values[i].(string))
		dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
		dp.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		if value, ok := values[i+1].(int); ok {
			dp.SetIntValue(int64(value))
		} else {
			dp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		}
	}
	return md
}

// counter makes all metrics of a batch counters.
func counter(md pmetric.Metrics) pmetric.Metrics {
	for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		v, ts := m.Gauge().DataPoints().At(0).IntValue(), m.Gauge().DataPoints().At(0).Timestamp()
		s := m.SetEmptySum()
		s.SetIsMonotonic(true)
		s.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		dp := s.DataPoints().AppendEmpty()
		dp.SetIntValue(v)
		dp.SetTimestamp(ts)
	}
	return md
}
