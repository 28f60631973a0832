package drainextension

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"google.golang.org/grpc"
)

var _ extensionmiddleware.GRPCServer = (*drainExtension)(nil)

// patientHandshake is how long a client may take to say that it speaks gRPC. grpc-go waits two minutes, and a server does
// not stop before: one connection that says nothing, as port checks open them, would have the receiver left behind.
const patientHandshake = 5 * time.Second

// GetGRPCServerOptions makes a server give up silent connections well before it would be left behind for them.
func (d *drainExtension) GetGRPCServerOptions(context.Context) ([]grpc.ServerOption, error) {
	return []grpc.ServerOption{grpc.ConnectionTimeout(d.handshake())}, nil
}

func (d *drainExtension) handshake() time.Duration {
	limits := d.cfg.limits()
	limit := limits.Timeout
	if limits.Component > 0 {
		limit = min(limit, limits.Component)
	}
	return min(patientHandshake, limit/2)
}
