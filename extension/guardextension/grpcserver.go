package guardextension

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/tap"

	"github.com/sluice-metrics/sluice/internal/limiter"
)

func (s *server) grpcOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.InTapHandle(s.tap),
		grpc.StatsHandler(callStats{}),
		grpc.ChainUnaryInterceptor(s.unary),
		grpc.ChainStreamInterceptor(s.stream),
	}
}

// tap runs in the goroutine that reads the connection, with locks held: it must not wait.
func (s *server) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	now := time.Now()
	var key *limiter.Bucket
	if s.keys != nil {
		key = s.keys.ofHeaders(ctx, now, info.Header)
	}
	c := &call{server: s}
	if no := s.admit(now, &c.admission, overGRPC, -1, key); no.reason != admitted {
		return ctx, no.err()
	}
	c.watch(ctx, s.timeout)
	return c, nil
}

// unary corrects what the tap had to guess, now that the message is decoded and its client known.
func (s *server) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if c := callOf(ctx); c != nil { // a gRPC server behind net/http has no tap
		if err := c.correct(time.Now(), s.lateKey(ctx)); err != nil {
			return nil, err
		}
	}
	return next(ctx, req)
}

// stream lets a stream begin; each of its messages is corrected for by itself.
func (s *server) stream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	c := callOf(ss.Context())
	if c == nil {
		return next(srv, ss)
	}
	if err := c.correct(time.Now(), s.lateKey(ss.Context())); err != nil {
		return err
	}
	return next(srv, &guardedStream{ServerStream: ss, call: c})
}

type guardedStream struct {
	grpc.ServerStream

	call *call
}

func (s *guardedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.call.correct(time.Now(), nil)
}

func (s *server) lateKey(ctx context.Context) *limiter.Bucket {
	if s.keys == nil {
		return nil
	}
	return s.keys.ofContext(ctx, time.Now())
}

// callStats tells a call what becomes of it. Whoever begins to serve a request ends it, too, even in a panic.
type callStats struct{}

func (callStats) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (callStats) HandleRPC(ctx context.Context, s stats.RPCStats) {
	switch s := s.(type) {
	case *stats.Begin:
		if c := callOf(ctx); c != nil {
			c.begin()
		}
	case *stats.InPayload:
		if c := callOf(ctx); c != nil {
			c.arrive(int64(s.Length))
		}
	case *stats.End:
		if c := callOf(ctx); c != nil {
			c.end()
		}
	}
}

func (callStats) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (callStats) HandleConn(context.Context, stats.ConnStats) {}
