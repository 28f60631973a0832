package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"go.opentelemetry.io/collector/otelcol"
)

const greeting = `
Sluice is running.
  send OTLP    %[1]s:4317 (gRPC), http://%[1]s:4318 (HTTP)
  scrape       http://%[1]s:9464/metrics
  probes       http://%[1]s:13134/livez and /readyz
  see a first metric:
    curl -s http://%[1]s:9464/metrics | grep process_memory_usage
`

// greetWhenRunning prints where the default configuration listens as soon as col runs. The function it returns
// stops waiting for that.
func greetWhenRunning(ctx context.Context, out io.Writer, col *otelcol.Collector) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		poll := time.NewTicker(50 * time.Millisecond)
		defer poll.Stop()
		for col.GetState() != otelcol.StateRunning {
			select {
			case <-ctx.Done():
				return
			case <-poll.C:
			}
		}
		_, _ = fmt.Fprintf(out, greeting, reachable(os.Getenv("SLUICE_LISTEN")))
	}()
	return cancel
}

// reachable is a host that a client on this machine can use for a server that listens on listen.
func reachable(listen string) string {
	switch listen {
	case "", "0.0.0.0", "[::]":
		return "localhost"
	default:
		return listen
	}
}
