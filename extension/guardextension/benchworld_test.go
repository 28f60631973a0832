package guardextension

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sluice-metrics/sluice/extension/guardextension/internal/metadata"
)

func settings() extension.Settings {
	set := extensiontest.NewNopSettings(metadata.Type)
	set.ID = component.NewID(metadata.Type)
	return set
}

type takesAll struct {
	pmetricotlp.UnimplementedGRPCServer
}

func (takesAll) Export(context.Context, pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	return pmetricotlp.NewExportResponse(), nil
}

// grpcWorld returns what sends one small request, whatever the answer.
func grpcWorld(b *testing.B, opts []grpc.ServerOption) func() {
	b.Helper()
	server := grpc.NewServer(opts...)
	pmetricotlp.RegisterGRPCServer(server, &takesAll{})
	l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	go func() { _ = server.Serve(l) }()
	b.Cleanup(server.Stop)
	cc, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(b, err)
	b.Cleanup(func() { _ = cc.Close() })
	client := pmetricotlp.NewGRPCClient(cc)
	req := pmetricotlp.NewExportRequestFromMetrics(batch(1, 100))
	return func() { _, _ = client.Export(b.Context(), req) }
}
