package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/sluice-metrics/sluice/metrics"
)

// show writes what Prometheus would scrape.
func show(registry *metrics.Registry) {
	own := prometheus.NewRegistry() // promhttp.HandlerFor(own, …) serves it
	own.MustRegister(registry)
	families, err := own.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, family := range families {
		_, _ = expfmt.MetricFamilyToText(os.Stdout, family)
	}
}

func Example() {
	type Route struct {
		Method string `label:"http.request.method"`
		Route  string `label:"http.route"`
	}
	requests := metrics.Must(metrics.NewCounterVec[int64, Route]("http.requests", "Requests served.",
		metrics.Labels{"app": "shop"}, metrics.Constraints[int64]{}, metrics.WithUnit("{request}")))
	registry := metrics.NewRegistry()
	registry.MustRegister(requests)

	requests.With(Route{"GET", "/pay"}).Inc()
	requests.With(Route{Method: "POST", Route: "/pay"}).Add(2)
	show(registry)
	// Output:
	// # HELP http_requests_total Requests served.
	// # TYPE http_requests_total counter
	// http_requests_total{app="shop",http_request_method="GET",http_route="/pay"} 1
	// http_requests_total{app="shop",http_request_method="POST",http_route="/pay"} 2
}

func ExampleConstraints() {
	even := func(v int64) error {
		if v%2 != 0 {
			return errors.New("is odd")
		}
		return nil
	}
	socks := metrics.Must(metrics.NewCounter("socks", "Socks washed.", nil,
		metrics.Constraints[int64]{Min: new(int64(0)), Max: new(int64(10)), Validate: even}))
	fmt.Println(socks.TryAdd(4))
	fmt.Println(socks.TryAdd(12))
	fmt.Println(socks.TryAdd(3))
	socks.Add(5) // dropped, and counted

	registry := metrics.NewRegistry()
	registry.MustRegister(socks)
	show(registry)
	// Output:
	// <nil>
	// counter "socks": 12 is above the maximum
	// counter "socks": 3 is not valid: is odd
	// # HELP sluice_instrument_dropped_total Values that instruments dropped, by reason.
	// # TYPE sluice_instrument_dropped_total counter
	// sluice_instrument_dropped_total{instrument="socks",reason="invalid"} 1
	// # HELP socks_total Socks washed.
	// # TYPE socks_total counter
	// socks_total 4
}

func ExampleGauge_OnChange() {
	queue := metrics.Must(metrics.NewGauge[int64]("queue", "Length of the queue.", metrics.Labels{"queue": "mail"}, metrics.Constraints[int64]{}))
	queue.OnChange(metrics.PriorityLow, func(c metrics.Change[int64]) {
		fmt.Println("log:", c.Instrument(), c.Label("queue"), c.Old, "→", c.New)
	})
	stop := queue.OnChange(metrics.PriorityCritical, func(c metrics.Change[int64]) {
		if c.New > 100 {
			fmt.Println("alarm")
		}
	})
	queue.Set(99)
	queue.Add(2)
	stop()
	queue.Inc()
	// Output:
	// log: queue mail 0 → 99
	// alarm
	// log: queue mail 99 → 101
	// log: queue mail 101 → 102
}

func ExampleSummary() {
	latency := metrics.Must(metrics.NewSummary("latency", "Latency.", nil, metrics.Constraints[float64]{},
		metrics.WithUnit("s"), metrics.WithRelativeError(0.01)))
	for i := range 1000 {
		latency.Observe(float64(i+1) / 1000)
	}
	median := latency.Quantile(0.5)
	fmt.Println(median > 0.495 && median < 0.505)
	// Output: true
}

// The registry goes to any reader of OTel's SDK; a PeriodicReader with an exporter of otlpmetricgrpc sends it by OTLP.
func ExampleRegistry_Produce() {
	sizes := metrics.Must(metrics.NewHistogram("response.size", "Size of responses.", nil, metrics.Constraints[int64]{},
		metrics.WithUnit("By"), metrics.WithExponentialBuckets(metrics.ExponentialBuckets{Factor: 2})))
	sizes.Observe(1500)
	registry := metrics.NewRegistry()
	registry.MustRegister(sizes)

	reader := sdkmetric.NewManualReader(sdkmetric.WithProducer(registry))
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	var all metricdata.ResourceMetrics
	if err := errors.Join(reader.Collect(context.Background(), &all), provider.Shutdown(context.Background())); err != nil {
		log.Fatal(err)
	}
	m := all.ScopeMetrics[0].Metrics[0]
	point := m.Data.(metricdata.ExponentialHistogram[int64]).DataPoints[0]
	fmt.Println(m.Name, m.Unit, point.Count, point.Sum, point.PositiveBucket)
	// Output: response.size By 1 1500 {10 [1]}
}

// A struct that cannot be labels is found out when the instrument is made.
func ExampleNewCounterVec() {
	type Wrong struct {
		Code int `label:"code"`
		Host string
	}
	_, err := metrics.NewCounterVec[int64, Wrong]("requests", "Requests.", nil, metrics.Constraints[int64]{})
	fmt.Println(strings.ReplaceAll(err.Error(), "metrics_test.", ""))
	// Output:
	// counter "requests": labels Wrong: field Code: is int, not a string
	// labels Wrong: field Host: has no tag `label:"NAME"`
}
