package guardextension

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sluice-metrics/sluice/internal/retryafter"
)

func dial(t *testing.T, address string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))
	cc, err := grpc.NewClient(address, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, cc.Close()) })
	return cc
}

func send(t *testing.T, cc *grpc.ClientConn, id int64, size int, opts ...grpc.CallOption) error {
	t.Helper()
	return sendContext(t.Context(), cc, id, size, opts...)
}

func sendContext(ctx context.Context, cc *grpc.ClientConn, id int64, size int, opts ...grpc.CallOption) error {
	_, err := pmetricotlp.NewGRPCClient(cc).Export(ctx, pmetricotlp.NewExportRequestFromMetrics(batch(id, size)), opts...)
	return err
}

// refusedWith checks a refusal that OTLP clients retry, and returns when.
func refusedWith(t *testing.T, err error, code codes.Code, message string) time.Duration {
	t.Helper()
	s := status.Convert(err)
	require.Equal(t, code, s.Code(), "%v", err)
	require.Contains(t, s.Message(), message)
	after, said := retryafter.InStatus(s)
	require.True(t, said, "no RetryInfo: OTLP clients would drop the data")
	return after
}

func TestGRPCRefusals(t *testing.T) {
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
		w := newWorld(t, `rate: {requests_per_second: 0.1, requests_burst: 2}`)
		r := w.receive(newPoints())
		cc := dial(t, r.grpc)
		require.NoError(t, send(t, cc, 1, 100, opts...))
		require.NoError(t, send(t, cc, 2, 100, opts...))
		after := refusedWith(t, send(t, cc, 3, 100, opts...), codes.ResourceExhausted, "rate::requests_per_second")
		assert.InDelta(t, 12.5, after.Seconds(), 3)
		w.quiet()
		assert.Equal(t, int64(2), w.decided(overGRPC, admitted))
		assert.Equal(t, int64(1), w.decided(overGRPC, requestRate))
	}
}

func TestGRPCBytes(t *testing.T) {
	w := newWorld(t, `rate: {bytes_per_second: 1000, bytes_burst: 100000}`)
	r := w.receive(newPoints())
	cc := dial(t, r.grpc)
	require.NoError(t, send(t, cc, 1, 90_000, grpc.UseCompressor(gzip.Name)))
	require.NoError(t, send(t, cc, 2, 90_000), "the bucket is not in debt yet")
	after := refusedWith(t, send(t, cc, 3, 10), codes.ResourceExhausted, "rate::bytes_per_second")
	assert.InDelta(t, 100, after.Seconds(), 25)
	w.quiet()
	assert.Equal(t, int64(2), w.decided(overGRPC, admitted))
	assert.Equal(t, int64(1), w.decided(overGRPC, byteRate))
}

func TestGRPCTooLargeIsForGood(t *testing.T) {
	for _, text := range []string{`in_flight: {bytes: 10000}`, `rate: {bytes_per_second: 10, bytes_burst: 10000}`} {
		w := newWorld(t, text)
		r := w.receive(newPoints())
		cc := dial(t, r.grpc)
		s := status.Convert(send(t, cc, 1, 20_000))
		assert.Equal(t, codes.ResourceExhausted, s.Code())
		assert.Empty(t, s.Details(), "a client is not to retry")
		require.NoError(t, send(t, cc, 1, 2000))
		w.quiet()
		assert.Equal(t, int64(1), w.decided(overGRPC, tooLarge))
	}
}

// TestGRPCInFlightBytes guesses at first, and knows once a request is decoded.
func TestGRPCInFlightBytes(t *testing.T) {
	w := newWorld(t, `in_flight: {bytes: 1000000}`)
	sink := newPoints()
	r := w.receive(sink)
	held, free := make(chan struct{}, 1), newBarrier(t)
	sink.hook = func(context.Context) error { held <- struct{}{}; <-free.c; return nil }
	cc := dial(t, r.grpc)
	first := make(chan error)
	go func() { first <- sendContext(context.Background(), cc, 1, 700_000) }()
	<-held
	_, inFlight := w.guard.server.inFlight.Now()
	assert.InDelta(t, 700_000, inFlight, 200)
	refusedWith(t, send(t, cc, 2, 700_000), codes.ResourceExhausted, "in_flight::bytes")
	assert.Eventually(t, func() bool {
		_, now := w.guard.server.inFlight.Now()
		return now == inFlight
	}, patience, time.Millisecond, "what was refused is given back")
	free.open()
	require.NoError(t, <-first)
	require.NoError(t, send(t, cc, 3, 700_000))
	w.quiet()
	// Now that requests are known to be large, the tap refuses before one is read.
	assert.Greater(t, w.guard.server.sizes[overGRPC].Bytes(), int64(300_000))
}

func TestGRPCInFlightRequestsAndMemory(t *testing.T) {
	w := newWorld(t, `in_flight: {requests: 1}`)
	sink := newPoints()
	r := w.receive(sink)
	held, free := make(chan struct{}, 1), newBarrier(t)
	sink.hook = func(context.Context) error { held <- struct{}{}; <-free.c; return nil }
	cc := dial(t, r.grpc)
	first := make(chan error)
	go func() { first <- sendContext(context.Background(), cc, 1, 10) }()
	<-held
	refusedWith(t, send(t, cc, 2, 10), codes.ResourceExhausted, "in_flight::requests")
	free.open()
	require.NoError(t, <-first)
	w.quiet()

	low := newWorld(t, `{memory: {limit_mib: 1}, retry_after: 2s}`)
	r = low.receive(newPoints())
	after := refusedWith(t, send(t, dial(t, r.grpc), 1, 10), codes.Unavailable, "memory is low")
	assert.InDelta(t, 2.5, after.Seconds(), 0.5)
}

// TestGRPCEndsOfAllKinds drives streams that end in all ways that there are, and counts each once.
func TestGRPCEndsOfAllKinds(t *testing.T) {
	w := newWorld(t, `
in_flight: {requests: 1000, bytes: 100000000}
rate: {bytes_per_second: 1000000000, per_key: {by: client_address, bytes_per_second: 1000000000}}`)
	sink := newPoints()
	sink.hook = func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
			return nil
		}
	}
	r := w.receive(sink)
	cc := dial(t, r.grpc)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				var err error
				switch (i + j) % 6 {
				case 0:
					err = sendContext(ctx, cc, 1, 1000)
					assert.Equal(t, codes.OK, status.Code(err), "%v", err)
				case 1: // cancelled at some moment
					time.AfterFunc(time.Duration(j)*time.Millisecond/2, cancel)
					_ = sendContext(ctx, cc, 1, 1000)
				case 2:
					_, err = healthpb.NewHealthClient(cc).Check(ctx, &healthpb.HealthCheckRequest{})
					assert.Equal(t, codes.Unimplemented, status.Code(err))
				case 3:
					err = cc.Invoke(ctx, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Nosuch", &healthpb.HealthCheckRequest{}, &healthpb.HealthCheckResponse{})
					assert.Equal(t, codes.Unimplemented, status.Code(err))
				case 4: // larger than the receiver takes
					assert.Equal(t, codes.ResourceExhausted, status.Code(sendContext(ctx, cc, 1, 5<<20)))
				case 5: // not a request
					err = cc.Invoke(ctx, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
						&healthpb.HealthCheckRequest{Service: "not metrics"}, &healthpb.HealthCheckResponse{})
					assert.Equal(t, codes.Internal, status.Code(err))
				}
				cancel()
			}
		})
	}
	wg.Wait()
	w.quiet()
	assert.Positive(t, w.decided(overGRPC, admitted))
	assert.Positive(t, w.decided(overGRPC, abandoned))
}

// TestGRPCRapidResets opens streams and resets them at once, as nobody's client does by accident.
func TestGRPCRapidResets(t *testing.T) {
	w := newWorld(t, `in_flight: {requests: 1000, receive_timeout: 0}`)
	r := w.receive(newPoints())
	h := handshake(t, r.grpc)
	for i := range 1000 {
		id := uint32(2*i + 1)
		h.open(t, id)
		require.NoError(t, h.framer.WriteRSTStream(id, http2.ErrCodeCancel))
	}
	h.ping(t)
	w.quiet()
	require.NoError(t, send(t, dial(t, r.grpc), 1, 10))
	assert.Equal(t, int64(1000), w.decided(overGRPC, abandoned)+w.decided(overGRPC, inFlightRequests))
}

// TestGRPCSlowBody opens a stream, sends half a message, and then nothing.
func TestGRPCSlowBody(t *testing.T) {
	w := newWorld(t, `in_flight: {requests: 2, receive_timeout: 2s}`)
	r := w.receive(newPoints())
	h := handshake(t, r.grpc)
	h.open(t, 1)
	h.open(t, 3)
	require.NoError(t, h.framer.WriteData(3, false, append([]byte{0, 0, 0, 16, 0}, make([]byte, 100)...)))
	h.ping(t)
	n, _ := w.guard.server.inFlight.Now()
	assert.Equal(t, int64(2), n)
	err := send(t, dial(t, r.grpc), 1, 10)
	refusedWith(t, err, codes.ResourceExhausted, "in_flight::requests")
	w.quiet()
	require.NoError(t, send(t, dial(t, r.grpc), 1, 10), "the places are free")
	assert.Equal(t, int64(2), w.decided(overGRPC, receiveTimeout))
	assert.Equal(t, strconv.Itoa(int(codes.DeadlineExceeded)), h.grpcStatus(t))
}

func TestGRPCSlowPipeline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `in_flight: {receive_timeout: 1s}`)
	sink := newPoints()
	sink.hook = func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(1500 * time.Millisecond):
			return nil
		}
	}
	r := w.receive(sink)
	require.NoError(t, send(t, dial(t, r.grpc), 1, 10), "the deadline ends when the message has come")
}

// http2Client speaks HTTP/2 frame by frame.
type http2Client struct {
	framer *http2.Framer
	header bytes.Buffer
	hpack  *hpack.Encoder
	pongs  chan struct{}
	status chan string
}

func handshake(t *testing.T, address string) *http2Client {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	c := &http2Client{framer: http2.NewFramer(conn, conn), pongs: make(chan struct{}, 10), status: make(chan string, 10)}
	c.hpack = hpack.NewEncoder(&c.header)
	require.NoError(t, c.framer.WriteSettings())
	go c.read()
	return c
}

func (c *http2Client) read() {
	decoder := hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == "grpc-status" {
			select {
			case c.status <- f.Value:
			default:
			}
		}
	})
	for {
		f, err := c.framer.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *http2.PingFrame:
			if f.IsAck() {
				c.pongs <- struct{}{}
			}
		case *http2.HeadersFrame:
			_, _ = decoder.Write(f.HeaderBlockFragment())
		}
	}
}

func (c *http2Client) open(t *testing.T, id uint32) {
	t.Helper()
	c.header.Reset()
	for _, f := range [][2]string{
		{":method", http.MethodPost},
		{":scheme", "http"},
		{":path", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"},
		{":authority", "x"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	} {
		require.NoError(t, c.hpack.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	require.NoError(t, c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.header.Bytes(), EndHeaders: true}))
}

// ping waits until the server has read all that was sent.
func (c *http2Client) ping(t *testing.T) {
	t.Helper()
	require.NoError(t, c.framer.WritePing(false, [8]byte{1}))
	select {
	case <-c.pongs:
	case <-time.After(patience):
		t.Fatal("no answer to a ping")
	}
}

func (c *http2Client) grpcStatus(t *testing.T) string {
	t.Helper()
	select {
	case s := <-c.status:
		return s
	case <-time.After(patience):
		t.Fatal("no status")
		return ""
	}
}

// TestGRPCStreams charges each message of a stream, and ends it at the limit.
func TestGRPCStreams(t *testing.T) {
	w := newWorld(t, `{rate: {bytes_per_second: 1, bytes_burst: 1000}, in_flight: {bytes: 10000, receive_timeout: 10s}}`)
	server := grpc.NewServer(w.guard.server.grpcOptions()...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "echo", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: "Echo", ClientStreams: true, ServerStreams: true, Handler: echo}},
	}, nil)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := dial(t, l.Addr().String()).NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/echo/Echo")
	require.NoError(t, err)
	message := &healthpb.HealthCheckRequest{Service: string(bytes.Repeat([]byte("x"), 590))}
	echoed := 0
	for {
		if err = errors.Join(s.SendMsg(message), s.RecvMsg(&healthpb.HealthCheckRequest{})); err != nil {
			break
		}
		echoed++
		_, inFlight := w.guard.server.inFlight.Now()
		assert.InDelta(t, 593, inFlight, 1, "that of the latest message")
	}
	assert.Equal(t, 3, echoed, "1000 there are, and 1000 may be owed")
	err = s.RecvMsg(&healthpb.HealthCheckRequest{})
	refusedWith(t, err, codes.ResourceExhausted, "rate::bytes_per_second")
	w.quiet()
}

func echo(_ any, s grpc.ServerStream) error {
	for {
		var m healthpb.HealthCheckRequest
		if err := s.RecvMsg(&m); err != nil {
			return err
		}
		if err := s.SendMsg(&m); err != nil {
			return err
		}
	}
}

func TestGRPCKeyOfMetadata(t *testing.T) {
	w := newWorld(t, `rate: {per_key: {by: metadata, name: X-Tenant, requests_per_second: 0.1, requests_burst: 1, overrides: [{key: gold, requests_per_second: 0.1, requests_burst: 3}]}}`)
	r := w.receive(newPoints())
	cc := dial(t, r.grpc)
	as := func(tenant string) error {
		ctx := t.Context()
		if tenant != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-tenant", tenant)
		}
		return sendContext(ctx, cc, 1, 10)
	}
	for tenant, n := range map[string]int{"a": 1, "b": 1, "": 1, "gold": 3} {
		for range n {
			require.NoError(t, as(tenant))
		}
		refusedWith(t, as(tenant), codes.ResourceExhausted, "one client")
	}
	assert.Equal(t, http.StatusOK, post(t, r.http, protobufType, nil, "X-Tenant", "c").code)
	assert.Equal(t, http.StatusTooManyRequests, post(t, r.http, protobufType, nil, "X-Tenant", "a").code, "the bucket is the same over HTTP")
	assert.Equal(t, http.StatusTooManyRequests, post(t, r.http, protobufType, nil).code)
}
