package e2e

import (
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// launchDefault starts Sluice as `bin/sluice` does and waits until it is ready.
func launchDefault(t *testing.T, env ...string) *sluice {
	t.Helper()
	s := launch(t, append([]string{"SLUICE_LISTEN=" + listenOn()}, env...))
	answered(t, "http://"+listenOn()+":13134/readyz", http.StatusOK)
	return s
}

func TestDefaultConfigurationServesWhatClientsSend(t *testing.T) {
	s := launchDefault(t)
	prom := startPrometheus(t, `
  - job_name: sluice
    honor_labels: true
    static_configs: [{targets: ["`+listenOn()+`:9464"]}]
`)
	for instance, exporter := range map[string]func() *application{
		"over-grpc": func() *application { return newApplication(t, "over-grpc", grpcExporter(t, listenOn()+":4317")) },
		"over-http": func() *application { return newApplication(t, "over-http", httpExporter(t, listenOn()+":4318")) },
	} {
		t.Run(instance, func(t *testing.T) {
			app := exporter()
			defer app.shutdown()
			app.work()
			app.flush()
			sel := `{job="shop/checkout",instance="` + instance + `",http_route="/pay"}`
			prom.eventually("http_requests_total"+sel, 2)
			prom.eventually("queue_size_bytes"+sel, 512.5)
			prom.eventually("http_duration_seconds_count"+sel, 2)
			prom.eventually("http_duration_seconds_sum"+sel, 3.05)
			prom.eventually(`http_duration_seconds_bucket{le="0.1",instance="`+instance+`"}`, 1)
			prom.eventually(`histogram_quantile(0.5, http_duration_seconds_bucket{instance="`+instance+`"})`, 0.1)
			assert.Equal(t, map[string]string{
				"job": "shop/checkout", "instance": instance, "http_route": "/pay",
				"otel_scope_name": "shop/checkout", "otel_scope_version": "1.2.3",
			}, withoutEmpty(prom.labels("http_requests_total"+sel)))

			app.work()
			app.flush()
			prom.eventually("http_requests_total"+sel, 4)
			assert.Equal(t, "eu-1", prom.labels(`target_info{instance="` + instance + `"}`)["cloud_region"])
		})
	}
	s.stop()
}

func withoutEmpty(labels map[string]string) map[string]string {
	for name, value := range labels {
		if value == "" {
			delete(labels, name)
		}
	}
	return labels
}

func TestDefaultConfigurationShowsItselfAtOnce(t *testing.T) {
	s := launchDefault(t)
	s.logged("curl -s http://" + listenOn() + ":9464/metrics")
	eventually(t, func() error {
		page, err := fetch(t.Context(), "http://"+listenOn()+":9464/metrics", http.StatusOK)
		if err == nil {
			err = contains(page, `process_memory_usage_bytes{`, `job="sluice"`)
		}
		return err
	})
	answered(t, "http://"+listenOn()+":13134/livez", http.StatusOK)
	answered(t, "http://"+listenOn()+":13133", http.StatusOK)
	require.NoError(t, contains(answered(t, "http://"+listenOn()+":8888/metrics", http.StatusOK), "otelcol_process_uptime"))
	s.stop()
}

func TestOtherSignalsAreUnimplemented(t *testing.T) {
	s := launchDefault(t)
	conn, err := grpc.NewClient(listenOn()+":4317", grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = ptraceotlp.NewGRPCClient(conn).Export(t.Context(), ptraceotlp.NewExportRequest())
	assert.Equal(t, codes.Unimplemented, status.Code(err))
	assert.Equal(t, "unknown service opentelemetry.proto.collector.trace.v1.TraceService", status.Convert(err).Message(), "as the README shows")
	_, err = plogotlp.NewGRPCClient(conn).Export(t.Context(), plogotlp.NewExportRequest())
	assert.Equal(t, codes.Unimplemented, status.Code(err))
	s.stop()
}

func TestOccupiedPortsAreNamed(t *testing.T) {
	for _, port := range []string{"4317", "4318", "8888", "9464", "13133", "13134"} {
		t.Run(port, func(t *testing.T) {
			address := net.JoinHostPort(listenOn(), port)
			taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
			require.NoError(t, err)
			defer func() { require.NoError(t, taken.Close()) }()
			s := launch(t, []string{"SLUICE_LISTEN=" + listenOn()})
			assert.Equal(t, 1, s.wait(patience))
			assert.Contains(t, s.log.String(), "Error: ")
			assert.Contains(t, s.log.String(), address)
		})
	}
}

func TestStandardVariablesSwitchOnTracing(t *testing.T) {
	sink := newSink(t)
	s := launchDefault(t, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+sink.URL+"/v1/traces", "OTEL_SERVICE_NAME=edge")
	app := newApplication(t, "1", grpcExporter(t, listenOn()+":4317"))
	defer app.shutdown()
	app.work()
	app.flush()
	s.stop() // flushes the spans
	assert.Contains(t, sink.services()["edge"], "opentelemetry.proto.collector.metrics.v1.MetricsService/Export")
}

func TestShippedConfigurationsRun(t *testing.T) {
	for name, args := range map[string][]string{
		"production":  {"--config", "builtin:production"},
		"development": {"--config", "builtin:default", "--config", "builtin:development"},
	} {
		t.Run(name, func(t *testing.T) {
			s := launch(t, []string{"SLUICE_LISTEN=" + listenOn()}, args...)
			answered(t, "http://"+listenOn()+":13134/readyz", http.StatusOK)
			app := newApplication(t, "1", grpcExporter(t, listenOn()+":4317"))
			defer app.shutdown()
			app.work()
			app.flush()
			page := answered(t, "http://"+listenOn()+":9464/metrics", http.StatusOK)
			require.NoError(t, contains(page, `http_requests_total{http_route="/pay"`))
			if name == "development" {
				answered(t, "http://"+listenOn()+":1777/debug/pprof/", http.StatusOK)
				answered(t, "http://"+listenOn()+":55679/debug/servicez", http.StatusOK)
				s.logged("http.requests") // the debug exporter shows each point
			}
			s.stop()
		})
	}
}
