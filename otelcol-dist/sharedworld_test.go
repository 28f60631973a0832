package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

const (
	manySenders     = 4
	batchesBySender = 5
	arrivalTimeout  = 20 * time.Second
)

var (
	arrivalType = component.MustNewType("arrival")
	sharedType  = component.MustNewType("shared")
	sinkType    = component.MustNewType("sink")
)

// world is a collector with a receiver of shared batches, and all that its exporters deliver to.
type world struct {
	t *testing.T
	*templates
	writable bool // a receiver that breaks the rule
	own      bool // a receiver that shares nothing and hands over what it has
	start    chan struct{}
	sending  sync.WaitGroup
	refused  atomic.Pointer[error]

	core      zapcore.Core
	log       *observer.ObservedLogs
	addresses *strings.Replacer
	pull      string
	gateway   string
	written   *labelSets
	mu        sync.Mutex
	sinks     map[string]*sink
}

func newWorld(t *testing.T, senders int) *world {
	t.Helper()
	w := &world{
		t: t, templates: newTemplates(senders), written: &labelSets{}, sinks: map[string]*sink{},
		start: make(chan struct{}),
	}
	w.core, w.log = observer.New(zapcore.InfoLevel)
	free := freeAddresses(t, 4)
	w.pull, w.gateway = free[0], newPushgateway(t)
	w.addresses = strings.NewReplacer(
		"PULL", w.pull, "GATEWAY", w.gateway, "GRPC1", free[1], "GRPC2", free[2], "HTTP", free[3],
		"WRITE", newWriteServer(t, w.written),
		"KAFKA", newKafkaBroker(t, w.sink("kafka").takeMessage).address())
	return w
}

// lastPort is below what systems give to clients, whose connections would take it.
var lastPort = 20_000 + os.Getpid()%10_000

func freeAddresses(t *testing.T, n int) (free []string) {
	t.Helper()
	var config net.ListenConfig
	for len(free) < n {
		lastPort++
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lastPort))
		if l, err := config.Listen(t.Context(), "tcp", address); err == nil {
			_ = l.Close()
			free = append(free, address)
		}
	}
	return free
}

// run sends the batches through a collector and asks until proven holds. When it returns, the collector is gone.
func (w *world) run(configs []string, proven func() bool) {
	w.t.Helper()
	stop := w.collect(configs)
	close(w.start)
	w.sending.Wait()
	assert.Eventually(w.t, proven, arrivalTimeout, time.Millisecond, "it was not seen that the component ran")
	stop()
	w.assertAllSent()
}

// collect runs a collector until it is stopped.
func (w *world) collect(configs []string) (stop func()) {
	w.t.Helper()
	return w.collectWith(w.settings(configs))
}

func (w *world) collectWith(set otelcol.CollectorSettings) (stop func()) {
	w.t.Helper()
	col, err := otelcol.NewCollector(set)
	require.NoError(w.t, err)
	ended := make(chan error, 1)
	go func() { ended <- col.Run(w.t.Context()) }()
	for col.GetState() != otelcol.StateRunning {
		select {
		case err := <-ended:
			require.FailNow(w.t, "the collector did not start", err)
		case <-time.After(time.Millisecond):
		}
	}
	return func() {
		col.Shutdown()
		require.NoError(w.t, <-ended)
	}
}

func (w *world) assertAllSent() {
	w.t.Helper()
	if err := w.refused.Load(); err != nil {
		require.NoError(w.t, *err, "a batch was refused")
	}
	if !w.t.Failed() {
		return
	}
	for _, e := range w.log.Filter(func(e observer.LoggedEntry) bool { return e.Level >= zapcore.WarnLevel }).All() {
		w.t.Log(e.Message, e.ContextMap())
	}
}

func (w *world) settings(configs []string) otelcol.CollectorSettings {
	var uris []string
	for _, c := range configs {
		uris = append(uris, "yaml:"+w.addresses.Replace(c))
	}
	set := settings(uris)
	set.Factories = w.factories
	set.LoggingOptions = []zap.Option{zap.WrapCore(func(zapcore.Core) zapcore.Core { return w.core })}
	return set
}

func (w *world) factories() (otelcol.Factories, error) {
	f, err := components()
	if err == nil {
		f.Receivers[sharedType] = receiver.NewFactory(sharedType, noConfig, receiver.WithMetrics(w.newReceiver, component.StabilityLevelStable))
		f.Extensions[arrivalType] = extension.NewFactory(arrivalType, newArrivalConfig, w.newArrival, component.StabilityLevelStable)
		f.Exporters[directType] = exporter.NewFactory(directType, noConfig, exporter.WithMetrics(w.newDirect, component.StabilityLevelStable))
		f.Exporters[scribblerType] = exporter.NewFactory(scribblerType, noConfig, exporter.WithMetrics(w.newScribbler, component.StabilityLevelStable))
		f.Exporters[sinkType] = exporter.NewFactory(sinkType, noConfig, exporter.WithMetrics(w.newSink, component.StabilityLevelStable))
	}
	return f, err
}

func noConfig() component.Config { return &struct{}{} }

// sharing is the receiver.
type sharing struct {
	*world
	next consumer.Metrics
}

func (w *world) newReceiver(_ context.Context, _ receiver.Settings, _ component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	return &sharing{w, next}, nil
}

func (s *sharing) Start(context.Context, component.Host) error {
	for sender := range s.resources {
		s.sending.Go(func() { s.send(sender) })
	}
	return nil
}

func (s *sharing) Shutdown(context.Context) error { return nil }

func (s *sharing) send(sender int) {
	<-s.start
	for n := range batchesBySender {
		md := s.batch(sender, n)
		switch {
		case s.own:
			shared := md
			md = pmetric.NewMetrics()
			shared.CopyTo(md)
		case !s.writable:
			md.MarkReadOnly()
		}
		if err := s.next.ConsumeMetrics(context.Background(), md); err != nil {
			s.refused.Store(&err)
		}
	}
}

// sink is an exporter that reads what it got after the call has returned, as a queue does.
type sink struct {
	component.StartFunc
	reading sync.WaitGroup
	mu      sync.Mutex
	got     map[string]int
	err     error
}

// sink is the exporter of this name; it exists before the collector does.
func (w *world) sink(name string) *sink {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sinks[name] == nil {
		w.sinks[name] = &sink{got: map[string]int{}}
	}
	return w.sinks[name]
}

func (w *world) newSink(_ context.Context, set exporter.Settings, _ component.Config) (exporter.Metrics, error) {
	return w.sink(set.ID.Name()), nil
}

func (s *sink) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (s *sink) Shutdown(context.Context) error {
	s.reading.Wait()
	return nil
}

func (s *sink) ConsumeMetrics(_ context.Context, md pmetric.Metrics) error {
	pref.RefMetrics(md)
	s.reading.Go(func() {
		defer pref.UnrefMetrics(md)
		s.read(md)
	})
	return nil
}

func (s *sink) read(md pmetric.Metrics) {
	counts := effect(unchanged).counts(md)
	s.mu.Lock()
	defer s.mu.Unlock()
	for line, n := range counts {
		s.got[line] += n
	}
}

// takeMessage reads OTLP, protobuf or JSON.
func (s *sink) takeMessage(message []byte) {
	r := pmetricotlp.NewExportRequest()
	if err := r.UnmarshalProto(message); err != nil {
		if errJSON := r.UnmarshalJSON(message); errJSON != nil {
			s.fail(fmt.Errorf("not OTLP: %w", errors.Join(err, errJSON)))
			return
		}
	}
	s.read(r.Metrics())
}

func (s *sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, err)
}

// received are the series and how often each came.
func (s *sink) received() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.got)
}

// due is what the effect leaves of all that is sent.
func (w *world) due(e effect) map[string]int {
	counts := map[string]int{}
	for sender := range w.resources {
		for line, n := range e.counts(w.batch(sender, 0)) {
			counts[line] += n * batchesBySender
		}
	}
	return counts
}

// delivered tells whether a sink has as many points as it is due.
func (w *world) delivered(to string, e effect) bool {
	return total(w.sink(to).received()) >= total(w.due(e))
}

func total(counts map[string]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

func (w *world) assertDelivered(to string, e effect) {
	w.t.Helper()
	require.NoError(w.t, w.sink(to).err, to)
	assert.Equal(w.t, w.due(e), w.sink(to).received(), "%s got something else", to)
}
