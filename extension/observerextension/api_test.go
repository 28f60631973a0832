package observerextension

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/sluice-metrics/sluice/extension/observerextension/internal/metadata"
)

// notes is an observer of both forms.
type notes struct {
	mu    sync.Mutex
	lines []string
	sizes []int
	err   error
}

func (n *notes) OnMetricUpdated(_ context.Context, metric Metric, old, current Sample) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf("%s %s %v>%v", metric.Kind, metric.Name, old.Float(), current.Float()))
	return n.err
}

func (n *notes) OnMetricsUpdated(ctx context.Context, events []Event) error {
	n.mu.Lock()
	n.sizes = append(n.sizes, len(events))
	n.mu.Unlock()
	for i := range events {
		if err := n.OnMetricUpdated(ctx, events[i].Metric, events[i].Old, events[i].New); err != nil {
			return err
		}
	}
	return nil
}

func (n *notes) read() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.lines...)
}

func TestObserversInGo(t *testing.T) {
	w := begin(t, `max_observers: 3`)
	plain, batched, filtered := &notes{}, &notes{}, &notes{}
	first, err := w.Subscribe(plain, WithPriority(PriorityCritical), WithName("plain"))
	require.NoError(t, err)
	_, err = w.Subscribe(batched, WithBatch(2, time.Hour))
	require.NoError(t, err)
	third, err := w.Subscribe(filtered, WithFilter(func(s *Series) bool { return s.Name == "b" }), WithKinds(Updated), WithTimeout(time.Second), WithBlock(time.Second))
	require.NoError(t, err)
	_, err = w.Subscribe(plain)
	require.EqualError(t, err, "max_observers: 3 have subscribed already")

	for at, name := range []string{"a", "b", "a", "b"} {
		w.Publish(t.Context(), gauge(name, float64(at), at))
	}
	eventually(t, func() bool { return len(plain.read()) == 4 && len(batched.read()) == 4 && len(filtered.read()) == 1 }, "all are told")
	assert.Equal(t, []string{"created a NaN>0", "created b NaN>1", "updated a 0>2", "updated b 1>3"}, plain.read())
	assert.Equal(t, []int{2, 2}, batched.sizes)
	assert.Equal(t, []string{"updated b 1>3"}, filtered.read())

	w.Unsubscribe(first)
	w.Unsubscribe(first)
	w.Unsubscribe(nil)
	w.Publish(t.Context(), gauge("a", 9, 9))
	w.Publish(t.Context(), gauge("b", 9, 9))
	eventually(t, func() bool { return len(filtered.read()) == 2 }, "the others are told")
	assert.Len(t, plain.read(), 4)
	_, err = w.Subscribe(plain)
	require.NoError(t, err, "there is room again")
	w.Unsubscribe(third)
}

func TestSubscribeRefuses(t *testing.T) {
	w := begin(t, ``)
	for _, option := range []Option{WithPriority(9), WithBatch(0, time.Second), WithBatch(1, 0), WithKinds()} {
		_, err := w.Subscribe(&notes{}, option)
		require.Error(t, err)
	}
	_, err := w.Subscribe(ObserverFunc(func(context.Context, Metric, Sample, Sample) error { return nil }), WithBatch(1, time.Second))
	require.ErrorIs(t, err, errNoBatches)
}

// Errors and panics of one are counted and delay nobody.
func TestFailingObservers(t *testing.T) {
	w := begin(t, ``)
	good := &notes{}
	_, err := w.Subscribe(good, WithPriority(PriorityLow), WithName("good"))
	require.NoError(t, err)
	_, err = w.Subscribe(&notes{err: errors.New("no")}, WithName("bad"))
	require.NoError(t, err)
	_, err = w.Subscribe(ObserverFunc(func(context.Context, Metric, Sample, Sample) error { panic("oh") }), WithPriority(PriorityHigh), WithName("ugly"))
	require.NoError(t, err)
	for i := range 3 {
		w.Publish(t.Context(), gauge("m", float64(i), i))
	}
	eventually(t, func() bool { return len(good.read()) == 3 }, "the good one is told")
	eventually(t, func() bool { return points(t, w, "otelcol_observer_events_dropped") == 6 }, "the others are counted")
	assert.Equal(t, int64(9), points(t, w, "otelcol_observer_events_published"))
	assert.Equal(t, int64(3), points(t, w, "otelcol_observer_events_delivered"))
	m, err := w.tel.GetMetric("otelcol_observer_events_dropped")
	require.NoError(t, err)
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		hook, _ := p.Attributes.Value("hook")
		reason, _ := p.Attributes.Value("reason")
		prio, _ := p.Attributes.Value("priority")
		assert.Contains(t, []string{"bad error normal", "ugly panic high"}, hook.AsString()+" "+reason.AsString()+" "+prio.AsString())
	}
}

// points sums a self-metric up.
func points(t *testing.T, w *world, name string) (sum int64) {
	t.Helper()
	m, err := w.tel.GetMetric(name)
	if err != nil {
		return 0
	}
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			sum += p.Value
		}
	case metricdata.Gauge[int64]:
		for _, p := range d.DataPoints {
			sum += p.Value
		}
	}
	return sum
}

func TestSelfMetrics(t *testing.T) {
	w := begin(t, `
max_series: 1
hooks: [{name: h, on: [created], log: {}}, {name: s, on: [created], stream: {endpoint: "127.0.0.1:0"}}]`)
	w.Publish(t.Context(), gauge("a", 1, 0))
	w.Publish(t.Context(), gauge("b", 1, 0))
	eventually(t, func() bool { return points(t, w, "otelcol_observer_events_delivered") == 2 }, "delivered")
	assert.Equal(t, int64(1), points(t, w, "otelcol_observer_series"))
	assert.Positive(t, points(t, w, "otelcol_observer_refused_points"))
	assert.Positive(t, points(t, w, "otelcol_observer_workers"))
	assert.Zero(t, points(t, w, "otelcol_observer_queue_length"))
	assert.Zero(t, points(t, w, "otelcol_observer_breaker_state"))
	assert.Zero(t, points(t, w, "otelcol_observer_stream_clients"))
}

func TestFind(t *testing.T) {
	other := component.MustNewID("other")
	h := &host{Host: componenttest.NewNopHost(), extensions: map[component.ID]component.Component{other: nil}}
	_, err := Find(h, component.MustNewID("observer"))
	require.EqualError(t, err, `extension "observer" is not configured, or not listed in service::extensions`)
	_, err = Find(h, other)
	require.EqualError(t, err, `extension "other" is no observer`)
}

func TestStartFailsWhereAPortIsTaken(t *testing.T) {
	w := begin(t, `hooks: [{name: a, on: [created], stream: {endpoint: "127.0.0.1:0"}}]`)
	address := w.extension.(*observer).actions[0].action.(*stream).server.Addr().String()
	cfg := configured(t, `hooks: [{name: l, on: [created], log: {}}, {name: taken, on: [created], stream: {endpoint: "`+address+`"}}]`)
	e, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	require.ErrorContains(t, e.Start(t.Context(), componenttest.NewNopHost()), `hooks[1] ("taken"): endpoint "`+address+`"`)
	require.NoError(t, e.Shutdown(t.Context()))
}

// At the end hooks are told by priority what waits, and one that hangs costs no more than drain_timeout.
func TestShutdownReports(t *testing.T) {
	w := begin(t, `drain_timeout: 100ms`)
	told, release := make(chan struct{}, 1), make(chan struct{})
	defer close(release)
	_, err := w.Subscribe(ObserverFunc(func(context.Context, Metric, Sample, Sample) error {
		told <- struct{}{}
		<-release
		return nil
	}), WithName("hangs"))
	require.NoError(t, err)
	w.Publish(t.Context(), gauge("a", 1, 0))
	w.Publish(t.Context(), gauge("b", 1, 0))
	<-told
	began := time.Now()
	w.end(t)
	assert.Less(t, time.Since(began), 2*time.Second)
	line := w.logs.FilterMessage("Events of a hook at shutdown").All()[0].ContextMap()
	assert.Equal(t, []any{"hangs", "normal", int64(0), int64(2), true}, []any{line["hook"], line["priority"], line["delivered"], line["dropped"], line["hangs"]})
	w.Publish(t.Context(), gauge("c", 1, 0)) // of no effect
}

func TestMatch(t *testing.T) {
	w := begin(t, `
hooks:
  - {name: name, on: [created], match: {name: "queue_.*"}, log: {}}
  - {name: metric, on: [created], match: {condition: 'metric.unit == "{jobs}" and resource.attributes["service.name"] == "shop"'}, log: {}}
  - {name: point, on: [created], match: {name: "queue_.*", condition: 'IsMatch(datapoint.attributes["env"], "^prod")'}, log: {}}
  - {name: fails, on: [created], match: {condition: 'Split(resource.attributes["nosuch"], "-")[0] == "b"'}, log: {}}
`)
	for _, md := range []pmetric.Metrics{
		gauge("queue_length", 1, 0, "env", "prod-1"), gauge("queue_length", 1, 0, "env", "dev"), gauge("a_queue_length", 1, 0, "env", "prod-1"),
	} {
		w.Publish(t.Context(), md)
	}
	w.end(t)
	told := map[string]int{}
	for _, e := range w.logs.FilterMessage("Metric created").All() {
		told[e.ContextMap()["hook"].(string)]++
	}
	assert.Equal(t, map[string]int{"name": 2, "metric": 3, "point": 1}, told)
}

// What hooks' clients and servers need is there before.
func TestDependencies(t *testing.T) {
	cfg := configured(t, `
hooks:
  - {name: a, on: [created], webhook: {endpoint: "http://localhost:1", auth: {authenticator: basicauth}, middlewares: [{id: guard}]}}
  - {name: b, on: [created], alertmanager: {endpoint: "http://localhost:1", auth: {authenticator: bearertokenauth}}}
  - {name: c, on: [created], stream: {auth: {authenticator: basicauth}, middlewares: [{id: guard/in}]}}
  - {name: d, on: [created], log: {}}`)
	e, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	var ids []string
	for _, id := range e.(*observer).Dependencies() {
		ids = append(ids, id.String())
	}
	assert.Equal(t, []string{"basicauth", "bearertokenauth", "guard", "guard/in"}, ids)
	require.NoError(t, e.Shutdown(t.Context()))
}
