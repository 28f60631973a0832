package overseer

import (
	"context"
	"net"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// otlp is a backend that answers err.
type otlp struct {
	pmetricotlp.UnimplementedGRPCServer
	err error
}

func (b *otlp) Export(context.Context, pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	return pmetricotlp.NewExportResponse(), b.err
}

func serve(t *testing.T, b *otlp) (address string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer()
	pmetricotlp.RegisterGRPCServer(s, b)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		assert.NoError(t, <-done)
	})
	return l.Addr().String()
}

// TestNestedExporters runs contrib's load balancing exporter. It says that it has sent what the queue of an exporter inside
// it has taken, unless that one has no queue.
func TestNestedExporters(t *testing.T) {
	for name, tc := range map[string]struct {
		answer          error
		queue           bool
		delivered, lost string
	}{
		"confirmed, queue":    {nil, true, "unknown", "unknown"},
		"refused, queue":      {status.Error(codes.InvalidArgument, "never"), true, "unknown", "unknown"},
		"confirmed, no queue": {nil, false, "15", "0"},
		"refused, no queue":   {status.Error(codes.InvalidArgument, "never"), false, "0", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOverseer(0)
			f := o.exporterFactory(loadbalancingexporter.NewFactory())
			cfg := f.CreateDefaultConfig()
			require.NoError(t, confmap.NewFromStringMap(map[string]any{
				"protocol": map[string]any{"otlp": map[string]any{
					"tls": map[string]any{"insecure": true}, "sending_queue": map[string]any{"enabled": tc.queue},
				}},
				"resolver": map[string]any{"static": map[string]any{"hostnames": []any{serve(t, &otlp{err: tc.answer})}}},
			}).Unmarshal(cfg))
			set := exportertest.NewNopSettings(f.Type())
			set.ID = component.NewID(f.Type())
			e, err := f.CreateMetrics(t.Context(), set, cfg)
			require.NoError(t, err)
			require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
			for range 3 {
				md := points(5)
				md.ResourceMetrics().At(0).Resource().Attributes().PutStr("service.name", "shop") // what it routes by
				assert.Equal(t, tc.answer != nil && !tc.queue, e.ConsumeMetrics(t.Context(), md) != nil)
			}
			require.NoError(t, e.Shutdown(t.Context()))
			b := o.ledger.Books()
			assert.Equal(t, tc.delivered, b.Delivered.String())
			assert.Equal(t, tc.lost, b.Lost.String())
		})
	}
}
