package guardextension

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sluice-metrics/sluice/internal/breaker"

	"github.com/sluice-metrics/sluice/internal/retryafter"
)

func withTenant(ctx context.Context, tenant string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-tenant", tenant)
}

// TestExportersBehindTheBreaker has a backend fail and recover: it is left alone meanwhile, and nothing is lost.
func TestExportersBehindTheBreaker(t *testing.T) {
	for kind, f := range map[string]exporter.Factory{"grpc": otlpexporter.NewFactory(), "http": otlphttpexporter.NewFactory()} {
		for _, failure := range []string{"refuses", "down"} {
			t.Run(kind+"/"+failure, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, `client: {circuit_breaker: {failure_threshold: 3, timeout: 200ms, max_timeout: 400ms}}`)
				backend := newWorld(t, `{}`)
				sink := newPoints()
				var failing atomic.Bool
				var asked atomic.Int64
				failing.Store(true)
				sink.hook = func(context.Context) error {
					asked.Add(1)
					if failing.Load() {
						return errDown
					}
					return nil
				}
				r := &intake{grpc: freeAddress(t), http: freeAddress(t), sink: sink}
				if failure == "refuses" {
					backend.listen(r, "")
				}
				endpoint := map[string]string{"grpc": r.grpc, "http": "http://" + r.http}[kind]
				e := w.export(f, `{endpoint: "`+endpoint+`", tls: {insecure: true}, middlewares: [{id: guard}], timeout: 10s,
  sending_queue: {num_consumers: 4}, retry_on_failure: {initial_interval: 5ms, max_interval: 20ms}}`)
				const n = 20
				for id := range n {
					require.NoError(t, e.ConsumeMetrics(t.Context(), batch(int64(id), 10)))
				}
				client := w.guard.backends.decisions
				p := map[string]protocol{"grpc": overGRPC, "http": overHTTP}[kind]
				assert.Eventually(t, func() bool { return client.sum(p, breakerOpen) > 4 }, patience, time.Millisecond)
				w.eventuallyIs(componentstatus.StatusRecoverableError)
				time.Sleep(time.Second)
				assert.LessOrEqual(t, client.sum(p, admitted), int64(20), "a probe now and then, instead of thousands")
				assert.Len(t, w.guard.backends.states(time.Now()), 1)

				failing.Store(false)
				if failure == "down" {
					backend.listen(r, "")
				}
				assert.EventuallyWithT(t, func(c *assert.CollectT) {
					got, twice := sink.distinct()
					assert.Equal(c, n, got)
					assert.Zero(c, twice)
				}, patience, 10*time.Millisecond)
				w.eventuallyIs(componentstatus.StatusRecoverableError, componentstatus.StatusOK)
			})
		}
	}
}

// TestRetryAfterIsHonoured puts a guard before the backend, which says when to come back, and counts who comes before.
func TestRetryAfterIsHonoured(t *testing.T) {
	for kind, f := range map[string]exporter.Factory{"grpc": otlpexporter.NewFactory(), "http": otlphttpexporter.NewFactory()} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, `{}`)
			backend := newWorld(t, `rate: {requests_per_second: 0.02, requests_burst: 1}`)
			r := backend.receive(newPoints())
			endpoint := map[string]string{"grpc": r.grpc, "http": "http://" + r.http}[kind]
			e := w.export(f, `{endpoint: "`+endpoint+`", tls: {insecure: true}, middlewares: [{id: guard}],
  sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}`)
			require.NoError(t, e.ConsumeMetrics(t.Context(), batch(1, 10)))
			for range 50 {
				require.Error(t, e.ConsumeMetrics(t.Context(), batch(2, 10)))
			}
			p := map[string]protocol{"grpc": overGRPC, "http": overHTTP}[kind]
			assert.Equal(t, int64(1), backend.decided(p, requestRate), "one refusal says it for all")
			assert.Equal(t, int64(49), w.guard.backends.decisions.sum(p, breakerOpen))
			for _, state := range w.guard.backends.states(time.Now()) {
				assert.Equal(t, breaker.Open, state)
			}
		})
	}
}

func TestOutboundRate(t *testing.T) {
	for kind, f := range map[string]exporter.Factory{"grpc": otlpexporter.NewFactory(), "http": otlphttpexporter.NewFactory()} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, `client: {rate: {requests_per_second: 0.4, requests_burst: 1}}`)
			backend := newWorld(t, `{}`)
			r := backend.receive(newPoints())
			endpoint := map[string]string{"grpc": r.grpc, "http": "http://" + r.http}[kind]
			e := w.export(f, `{endpoint: "`+endpoint+`", tls: {insecure: true}, middlewares: [{id: guard}], timeout: 10s,
  sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}`)
			begin := time.Now()
			for id := range 3 {
				require.NoError(t, e.ConsumeMetrics(t.Context(), batch(int64(id), 10)))
			}
			assert.GreaterOrEqual(t, time.Since(begin), 4990*time.Millisecond, "two have waited for their turn")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the next turn is in two and a half
			defer cancel()
			require.Error(t, e.ConsumeMetrics(ctx, batch(9, 10)))
			require.NoError(t, ctx.Err(), "it would not be its turn in time")
			p := map[string]protocol{"grpc": overGRPC, "http": overHTTP}[kind]
			assert.Equal(t, int64(1), w.guard.backends.decisions.sum(p, requestRate))
			assert.Empty(t, w.statuses(), "the backend has not failed")
		})
	}
}

func TestOutboundBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &ClientConfig{Rate: LimitsConfig{BytesPerSecond: 10000, BytesBurst: 1000}}
		b := newBackend(c, overHTTP, "x", newDecisions([]string{"none"}))
		begin := time.Now()
		for range 2 { // larger than the bucket: in turns
			_, no, err := b.begin(t.Context(), 1500)
			require.NoError(t, err)
			require.Equal(t, admitted, no.reason)
		}
		assert.InDelta(t, 200*time.Millisecond, time.Since(begin), float64(time.Millisecond))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, no, err := b.begin(ctx, 900)
		require.NoError(t, err)
		assert.Equal(t, byteRate, no.reason)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err = b.begin(cancelled, 900)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, int64(1), b.decisions.sum(overHTTP, abandoned), "it is counted, too")
	})
}

// TestOutboundTurnsGivenUp go to others: of many who give up at once nobody takes a turn with him.
func TestOutboundTurnsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &ClientConfig{Rate: LimitsConfig{RequestsPerSecond: 10, RequestsBurst: 1}}
		b := newBackend(c, overHTTP, "x", newDecisions([]string{"none"}))
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		for range 50 {
			waiting.Go(func() { _, _, _ = b.begin(ctx, 0) })
		}
		time.Sleep(250 * time.Millisecond) // three have gone
		cancel()
		waiting.Wait()
		begin := time.Now()
		for range 5 {
			_, no, err := b.begin(t.Context(), 0)
			require.NoError(t, err)
			require.Equal(t, admitted, no.reason)
		}
		assert.InDelta(t, 450*time.Millisecond, time.Since(begin), float64(10*time.Millisecond))
		assert.Equal(t, int64(47), b.decisions.sum(overHTTP, abandoned))
	})
}

type sized struct{ asked int }

func (s *sized) SizeProto() int { s.asked++; return 10 }

// TestSizeIsAskedOnlyIfItCounts, for it takes a walk through the whole message.
func TestSizeIsAskedOnlyIfItCounts(t *testing.T) {
	for text, want := range map[string]int{`{}`: 0, `client: {rate: {bytes_per_second: 1000}}`: 1} {
		c := &grpcClient{backends: newWorld(t, text).guard.backends}
		message := &sized{}
		invoke := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
		require.NoError(t, c.unary(t.Context(), "m", message, nil, dial(t, "localhost:1"), invoke))
		assert.Equal(t, want, message.asked)
	}
}

// TestHTTPClientJudges what an answer says about a backend.
func TestHTTPClientJudges(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		code  int
		after string
		want  outcome
		wait  time.Duration
	}{
		{200, "", works, 0},
		{400, "", works, 0},
		{404, "", works, 0},
		{413, "", works, 0},
		{429, "", fails, 0},
		{429, "7", fails, 7 * time.Second},
		{500, "7", fails, 0},
		{501, "", works, 0},
		{502, "", fails, 0},
		{503, "x", fails, 0},
		{503, "-7", fails, 0},
		{503, "999999999", fails, 24 * time.Hour},
		{504, "", fails, 0},
	} {
		res := &http.Response{StatusCode: tc.code, Header: http.Header{"Retry-After": {tc.after}}}
		o, wait, why := judgeHTTP(t.Context(), res, nil)
		assert.Equal(t, tc.want, o, "%d", tc.code)
		assert.Equal(t, tc.wait, wait, "%d %s", tc.code, tc.after)
		assert.Equal(t, o == fails, why != nil)
	}
	assert.Equal(t, 30*time.Second, retryafter.In(http.Header{"Retry-After": {"Thu, 01 Jan 2026 00:00:30 GMT"}}, now, maxRetryAfter))
	assert.Zero(t, retryafter.In(http.Header{"Retry-After": {"Thu, 01 Jan 2026 00:00:30 GMT"}}, now.Add(time.Hour), maxRetryAfter))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	o, _, _ := judgeHTTP(cancelled, nil, errDown)
	assert.Equal(t, unknown, o)
	late, cancel := context.WithDeadline(t.Context(), now.AddDate(-100, 0, 0))
	defer cancel()
	o, _, _ = judgeHTTP(late, nil, errDown)
	assert.Equal(t, fails, o, "who does not answer in time fails")
}

func TestGRPCClientJudges(t *testing.T) {
	retry := refuse(requestRate, 8*time.Second).err()
	for _, tc := range []struct {
		err  error
		want outcome
	}{
		{nil, works},
		{retry, fails},
		{status.Error(codes.ResourceExhausted, "larger than max"), works},
		{status.Error(codes.Unavailable, ""), fails},
		{status.Error(codes.DeadlineExceeded, ""), fails},
		{status.Error(codes.Internal, ""), fails},
		{status.Error(codes.InvalidArgument, ""), works},
		{status.Error(codes.Unauthenticated, ""), works},
		{status.Error(codes.Unimplemented, ""), works},
		{errDown, fails},
	} {
		o, wait := judgeGRPC(t.Context(), tc.err)
		assert.Equal(t, tc.want, o, "%v", tc.err)
		assert.Equal(t, errors.Is(tc.err, retry) && tc.err != nil, wait >= 8*time.Second)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	o, _ := judgeGRPC(cancelled, status.Error(codes.Canceled, ""))
	assert.Equal(t, unknown, o)
}

// closeCounter is a body that must be closed once, whatever becomes of the request.
type closeCounter struct {
	io.Reader

	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

func TestOpenBreakerAnswersAsTheBackendWould(t *testing.T) {
	w := newWorld(t, `client: {circuit_breaker: {failure_threshold: 1, timeout: 1m}}`)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }))
	defer server.Close()
	wrap, err := w.guard.GetHTTPRoundTripper(t.Context())
	require.NoError(t, err)
	rt, err := wrap(t.Context(), server.Client().Transport)
	require.NoError(t, err)
	for i, code := range []int{http.StatusBadGateway, http.StatusServiceUnavailable} {
		body := &closeCounter{Reader: strings.NewReader("x")}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
		require.NoError(t, err)
		req.Header.Set("Content-Type", jsonType)
		res, err := rt.RoundTrip(req)
		require.NoError(t, err)
		out, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, code, res.StatusCode)
		assert.Equal(t, 1, body.closed)
		if i == 1 {
			s, retry := rpcStatus(t, answer{code: res.StatusCode, header: res.Header, body: out}, jsonType)
			assert.Contains(t, s.GetMessage(), "left alone")
			assert.GreaterOrEqual(t, retry, 50*time.Second)
		}
	}
}

// TestForgottenClients: nobody says when a client is gone, but it must neither stay for ever nor keep the status.
func TestForgottenClients(t *testing.T) {
	w := newWorld(t, `client: {circuit_breaker: {failure_threshold: 1, timeout: 1h, max_timeout: 1h}}`)
	func() {
		b := w.guard.backends.add(overGRPC, "gone")
		ticket, _, err := b.begin(t.Context(), 0)
		require.NoError(t, err)
		b.end(ticket, fails, 0, errDown)
	}()
	require.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, w.statuses())
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		runtime.GC()
		assert.Empty(c, w.guard.backends.states(time.Now()))
		assert.Equal(c, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, w.statuses())
	}, patience, 10*time.Millisecond)
}

func TestManyHostsShareABreaker(t *testing.T) {
	w := newWorld(t, `{}`)
	rt := &roundTripper{backends: w.guard.backends, own: map[string]*backend{}}
	for i := range 1000 {
		rt.backend(strings.Repeat("x", i+1))
	}
	assert.Len(t, rt.own, mostHosts+1)
	assert.LessOrEqual(t, len(w.guard.backends.states(time.Now())), mostAddresses+1)
	runtime.KeepAlive(rt)
}
