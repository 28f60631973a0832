package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Instrument is a counter, gauge, histogram or summary of this package, or a Vec of them.
type Instrument interface {
	// Name is the instrument's name, as OTel has it.
	Name() string

	describe() *family
	collect(ch chan<- prometheus.Metric)
	produce(now time.Time) metricdata.Aggregation
}

// Registry hands out what its instruments hold: to Prometheus as a [prometheus.Collector], to OTel as a producer that any
// reader takes ([sdkmetric.WithProducer]). Its methods may be called at any time by any number of goroutines.
//
// It has a counter of its own, sluice.instrument.dropped (sluice_instrument_dropped_total), of the values that
// instruments dropped, by instrument and reason, as soon as there are any.
type Registry struct {
	scope       instrumentation.Scope
	mu          sync.RWMutex
	instruments []Instrument
	names       map[string]string // in OTel and in Prometheus, to the instrument that has it
	started     time.Time
}

// RegistryOption changes how a registry is made.
type RegistryOption func(*Registry)

// WithScope names the instrumentation scope of the OTel metrics. Default: the path of this package.
func WithScope(name, version string) RegistryOption {
	return func(r *Registry) { r.scope.Name, r.scope.Version = name, version }
}

// NewRegistry returns an empty registry.
func NewRegistry(opts ...RegistryOption) *Registry {
	r := &Registry{names: map[string]string{}, started: time.Now()}
	r.scope.Name = "github.com/sluice-metrics/sluice/metrics"
	for _, option := range opts {
		option(r)
	}
	for _, name := range droppedFamily.names() {
		r.names[name] = droppedFamily.name
	}
	return r
}

// Register adds instruments. Those whose name or whose Prometheus names are taken are left out and named in the error.
func (r *Registry) Register(instruments ...Instrument) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, i := range instruments {
		errs = append(errs, r.add(i))
	}
	return errors.Join(errs...)
}

// MustRegister is Register that panics with the error.
func (r *Registry) MustRegister(instruments ...Instrument) {
	if err := r.Register(instruments...); err != nil {
		panic(err)
	}
}

func (r *Registry) add(i Instrument) error {
	f := i.describe()
	claimed := append(f.names(), f.name)
	for _, name := range claimed {
		if owner, taken := r.names[name]; taken {
			return f.wrap(fmt.Errorf("instrument %q has the name %q already", owner, name))
		}
	}
	for _, name := range claimed {
		r.names[name] = f.name
	}
	r.instruments = append(r.instruments, i)
	return nil
}

// Unregister removes an instrument, and reports whether it was there.
func (r *Registry) Unregister(i Instrument) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.Index(r.instruments, i)
	if at < 0 {
		return false
	}
	r.instruments = slices.Delete(r.instruments, at, at+1)
	f := i.describe()
	for _, name := range append(f.names(), f.name) {
		delete(r.names, name)
	}
	return true
}

func (r *Registry) list() []Instrument {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.instruments)
}

// Describe implements [prometheus.Collector]. It describes nothing, as instruments may be added at any time; Register has
// checked what Prometheus would.
func (*Registry) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (r *Registry) Collect(ch chan<- prometheus.Metric) {
	instruments := r.list()
	for _, i := range instruments {
		i.collect(ch)
	}
	collectDrops(instruments, r.started, ch)
}

// Produce implements [sdkmetric.Producer]. Sums and histograms are cumulative, whatever the reader prefers.
func (r *Registry) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	now := time.Now()
	instruments := r.list()
	scope := metricdata.ScopeMetrics{Scope: r.scope}
	for _, i := range instruments {
		if data := i.produce(now); data != nil {
			f := i.describe()
			scope.Metrics = append(scope.Metrics, metricdata.Metrics{Name: f.name, Description: f.help, Unit: f.unit, Data: data})
		}
	}
	if drops := produceDrops(instruments, r.started, now); drops != nil {
		scope.Metrics = append(scope.Metrics, *drops)
	}
	if len(scope.Metrics) == 0 {
		return nil, nil
	}
	return []metricdata.ScopeMetrics{scope}, nil
}

var (
	_ prometheus.Collector = (*Registry)(nil)
	_ sdkmetric.Producer   = (*Registry)(nil)
)
