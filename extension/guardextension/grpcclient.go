package guardextension

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sluice-metrics/sluice/internal/retryafter"
)

// grpcClient is the middleware of a gRPC client. Its backend is known when it is first called.
type grpcClient struct {
	backends *backends

	once sync.Once
	own  *backend
}

func (c *grpcClient) options() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(c.unary), grpc.WithChainStreamInterceptor(c.stream)}
}

func (c *grpcClient) backend(cc *grpc.ClientConn) *backend {
	c.once.Do(func() { c.own = c.backends.add(overGRPC, cc.CanonicalTarget()) })
	return c.own
}

func (c *grpcClient) unary(
	ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	b := c.backend(cc)
	var bytes int64
	if b.bytes != nil { // otherwise it does not matter, and to find out takes a walk through the message
		bytes = sizeOf(req)
	}
	return b.call(ctx, bytes, func() error { return invoke(ctx, method, req, reply, cc, opts...) })
}

// stream asks once for the whole stream, and judges the backend by whether it begins.
func (c *grpcClient) stream(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
) (s grpc.ClientStream, err error) {
	err = c.backend(cc).call(ctx, 0, func() error {
		s, err = open(ctx, desc, cc, method, opts...)
		return err
	})
	return s, err
}

func (b *backend) call(ctx context.Context, bytes int64, do func() error) error {
	ticket, no, err := b.begin(ctx, bytes)
	if err != nil {
		return status.FromContextError(err).Err()
	}
	if no.reason != admitted {
		return no.err()
	}
	err = do()
	o, retryAfter := judgeGRPC(ctx, err)
	b.end(ticket, o, retryAfter, err)
	return err
}

// sizeOf is 0 for messages that do not tell.
func sizeOf(m any) int64 {
	switch m := m.(type) {
	case interface{ SizeProto() int }: // those of pdata
		return int64(m.SizeProto())
	case proto.Message:
		return int64(proto.Size(m))
	default:
		return 0
	}
}

// judgeGRPC tells what an answer says about the backend: one that refuses a request for what it is works.
func judgeGRPC(ctx context.Context, err error) (o outcome, retryAfter time.Duration) {
	s := status.Convert(err)
	after, said := retryafter.InStatus(s)
	switch s.Code() {
	case codes.Unavailable, codes.ResourceExhausted:
		if s.Code() == codes.ResourceExhausted && !said {
			return works, 0 // as for a message that is too large
		}
		if judgeError(ctx) == unknown {
			return unknown, 0
		}
		return fails, after
	case codes.DeadlineExceeded, codes.Canceled, codes.Unknown, codes.Internal, codes.Aborted, codes.DataLoss:
		return judgeError(ctx), 0
	default:
		return works, 0
	}
}
