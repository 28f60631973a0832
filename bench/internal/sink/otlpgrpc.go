package sink

import (
	"context"
	"net"
	"sync"

	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // collectors compress by default
)

const maxRequestSize = 256 << 20

// OTLP is an OTLP server over gRPC. It must be closed.
type OTLP struct {
	pmetricotlp.UnimplementedGRPCServer
	Counter
	mode    Mode
	closing chan struct{}
	server  *grpc.Server
	once    sync.Once
	wg      sync.WaitGroup
}

// NewOTLP listens on address, host:port.
func NewOTLP(address string, mode Mode) (*OTLP, error) {
	l, err := listen(address)
	if err != nil {
		return nil, err
	}
	s := &OTLP{mode: mode, closing: make(chan struct{}), server: grpc.NewServer(grpc.MaxRecvMsgSize(maxRequestSize))}
	pmetricotlp.RegisterGRPCServer(s.server, s)
	s.wg.Go(func() { _ = s.server.Serve(l) }) // it ends with Close
	return s, nil
}

// Export counts a request.
func (s *OTLP) Export(ctx context.Context, r pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	if err := s.mode.wait(ctx, s.closing); err != nil {
		return pmetricotlp.NewExportResponse(), err
	}
	s.count(r.Metrics().DataPointCount())
	return pmetricotlp.NewExportResponse(), nil
}

// Close ends the sink and lets go of requests that hang. It may be called again.
func (s *OTLP) Close() {
	s.once.Do(func() {
		close(s.closing)
		s.server.Stop()
	})
	s.wg.Wait()
}

func listen(address string) (net.Listener, error) {
	return net.Listen("tcp", address) //nolint:noctx // binding a loopback port does not block
}
