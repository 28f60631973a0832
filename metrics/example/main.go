// Command example is a small shop whose metrics go two ways at once: it serves them to Prometheus itself, and sends them by
// OTLP to Sluice, which serves them too.
//
//	make run &                             # Sluice takes OTLP on 4317 and serves Prometheus on 9464
//	go run ./metrics/example &
//	curl 'localhost:8080/buy?item=tea&cents=350'
//	curl localhost:8080/metrics            # from the shop
//	curl localhost:9464/metrics            # from Sluice
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

func main() {
	listen := flag.String("listen", "localhost:8080", "address of the shop and of its own /metrics")
	endpoint := flag.String("otlp", "localhost:4317", "address that takes OTLP by gRPC, without TLS")
	interval := flag.Duration("interval", 10*time.Second, "how often metrics are sent")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *listen, *endpoint, *interval)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends, and sends what was recorded until then.
func run(ctx context.Context, listen, endpoint string, interval time.Duration) error {
	shop := newShop()
	provider, err := send(ctx, shop, endpoint, interval)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(shop), ReadHeaderTimeout: 5 * time.Second}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	log.Printf("the shop is open at http://%s", listener.Addr())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(last), provider.Shutdown(last))
}

// send has a reader of OTel's SDK take the registry's metrics along with those of the SDK's own instruments.
func send(ctx context.Context, shop *shop, endpoint string, interval time.Duration) (*sdkmetric.MeterProvider, error) {
	exporter, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(endpoint), otlpmetricgrpc.WithInsecure())
	if err != nil {
		return nil, err
	}
	reader := sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(interval), sdkmetric.WithProducer(shop.registry))
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "shop"), attribute.String("service.instance.id", "example")))), nil
}

func handler(shop *shop) http.Handler {
	own := prometheus.NewRegistry()
	own.MustRegister(shop.registry)
	mux := http.NewServeMux()
	mux.Handle("GET /buy", shop)
	mux.Handle("GET /metrics", promhttp.HandlerFor(own, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	return mux
}
