package prometheusscrapereceiver_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver"
)

// parents collects a metric with OTLP's own means.
func parents(context.Context) (pmetric.Metrics, error) {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("process.parent_pid")
	p := m.SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	p.SetIntValue(int64(os.Getppid()))
	return md, nil
}

// A program that embeds the receiver gathers metrics of its own process, under the schedule of scrapes.
func ExampleCollection() {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	factory := prometheusscrapereceiver.NewFactory()
	cfg := factory.CreateDefaultConfig().(*prometheusscrapereceiver.Config)
	cfg.Collections = map[string]prometheusscrapereceiver.Collection{
		"process": {Gatherer: registry, Interval: 100 * time.Millisecond, Timeout: 100 * time.Millisecond},
		"parents": {Collect: parents, Interval: 100 * time.Millisecond, Timeout: 100 * time.Millisecond},
	}

	names := make(chan string, 10_000)
	next, _ := consumer.NewMetrics(func(_ context.Context, md pmetric.Metrics) error {
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					names <- m.Name()
				}
			}
		}
		return nil
	})
	r, err := factory.CreateMetrics(context.Background(), receivertest.NewNopSettings(factory.Type()), cfg, next)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := r.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		fmt.Println(err)
		return
	}
	waiting := map[string]bool{"go_goroutines": true, "process.parent_pid": true, "up": true}
	for len(waiting) > 0 {
		delete(waiting, <-names)
	}
	fmt.Println("collected", r.Shutdown(context.Background()))
	// Output: collected <nil>
}
