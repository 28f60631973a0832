package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sluice-metrics/sluice/bench/internal/proc"
	"github.com/sluice-metrics/sluice/bench/internal/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var shape = Shape{Points: 500, HistogramPercent: 2}

// decode reads a payload as a server does and returns its points' identities with their times, and the Prometheus
// series they become.
func decode(t *testing.T, p *Payload) (times map[string]time.Time, series int) {
	t.Helper()
	req := pmetricotlp.NewExportRequest()
	require.NoError(t, req.UnmarshalProto(p.body))
	require.Equal(t, p.points, req.Metrics().DataPointCount())
	times = map[string]time.Time{}
	names := map[string]bool{}
	for _, m := range req.Metrics().ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		require.NotContains(t, names, m.Name())
		names[m.Name()] = true
		switch m.Type() {
		case pmetric.MetricTypeGauge:
			series += numbers(times, m.Gauge().DataPoints())
		case pmetric.MetricTypeSum:
			series += numbers(times, m.Sum().DataPoints())
		case pmetric.MetricTypeHistogram:
			for _, d := range m.Histogram().DataPoints().All() {
				id, _ := d.Attributes().Get("series_id")
				times[id.Str()] = d.Timestamp().AsTime()
				series += d.BucketCounts().Len() + 2
			}
		default:
			t.Fatal(m.Type())
		}
	}
	return times, series
}

func numbers(times map[string]time.Time, points pmetric.NumberDataPointSlice) int {
	for _, d := range points.All() {
		id, _ := d.Attributes().Get("series_id")
		times[id.Str()] = d.Timestamp().AsTime()
	}
	return points.Len()
}

func TestPayload_IsTheOTLPItSays(t *testing.T) {
	f, err := NewFleet(3, shape)
	require.NoError(t, err)
	assert.Equal(t, 1500, f.Points())
	all := map[string]bool{}
	for _, p := range f {
		points, series := decode(t, p)
		assert.Len(t, points, 500)
		assert.Equal(t, 490+10*14, series)
		assert.Equal(t, series, p.series)
		for id := range points {
			all[id] = true
		}
	}
	assert.Len(t, all, 1500, "no series is in two payloads")
	assert.Equal(t, 3*(490+10*14), f.Series())
}

func TestAdvance_MovesTimeAndRenamesTheShare(t *testing.T) {
	p, err := NewPayload(0, shape)
	require.NoError(t, err)
	before, _ := decode(t, p)
	now := time.Unix(1_800_000_000, 42).UTC()

	p.advance(now, 0)
	same, _ := decode(t, p)
	for id, at := range same {
		require.Contains(t, before, id)
		require.Equal(t, now, at)
	}
	p.advance(now, 10)
	first, _ := decode(t, p)
	p.advance(now, 10)
	second, _ := decode(t, p)
	assert.Equal(t, 50, fresh(before, first))
	assert.Equal(t, 50, fresh(first, second))
	assert.Equal(t, 100, fresh(before, second), "each round renames others")

	p.rewind()
	again, _ := decode(t, p)
	assert.Equal(t, before, again)
}

func fresh(before, after map[string]time.Time) int {
	n := 0
	for id := range after {
		if _, ok := before[id]; !ok {
			n++
		}
	}
	return n
}

func options(address string, overHTTP bool) Options {
	return Options{HTTP: overHTTP, Address: address, Clients: 2, Rounds: 3, Timeout: 10 * time.Second}
}

func TestRun_IsAcceptedAndCounted(t *testing.T) {
	f, err := NewFleet(3, shape)
	require.NoError(t, err)
	free, err := proc.FreeAddresses(2)
	require.NoError(t, err)
	g, err := sink.NewOTLP(free[0], sink.Mode{})
	require.NoError(t, err)
	defer g.Close()
	h, err := sink.NewHTTP(free[1], sink.Mode{})
	require.NoError(t, err)
	defer h.Close()

	for i, points := range []func() int64{g.Points, h.Points} {
		r, err := Run(t.Context(), f, options(free[i], i == 1))
		require.NoError(t, err)
		require.NoError(t, r.LastError)
		assert.Equal(t, Tally{Requests: 9, Points: 4500}, r.Accepted)
		assert.Equal(t, r.Sent, r.Accepted)
		assert.EqualValues(t, 4500, points())
	}
}

func TestRun_CountsWhatFails(t *testing.T) {
	f, err := NewFleet(2, shape)
	require.NoError(t, err)
	free, err := proc.FreeAddresses(1)
	require.NoError(t, err)
	for _, overHTTP := range []bool{false, true} {
		r, err := Run(t.Context(), f, options(free[0], overHTTP))
		require.NoError(t, err)
		assert.Equal(t, 6, r.Failed.Requests, r.LastError)
		assert.Equal(t, r.Sent, r.Failed)
		assert.Error(t, r.LastError)
	}
}

func TestRun_CountsHTTPRefusals(t *testing.T) {
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n%2 == 0 {
			w.Header().Set("Retry-After", "3")
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer s.Close()
	f, err := NewFleet(1, shape)
	require.NoError(t, err)
	r, err := Run(t.Context(), f, Options{HTTP: true, Address: s.Listener.Addr().String(), Rounds: 4, Timeout: time.Second})
	require.NoError(t, err)
	assert.Equal(t, Tally{Requests: 4, Points: 2000}, r.Refused)
	assert.Equal(t, 2, r.RetryAfter)
}

func TestFromGRPC(t *testing.T) {
	withRetry, err := status.New(codes.ResourceExhausted, "full").WithDetails(&errdetails.RetryInfo{})
	require.NoError(t, err)
	a := fromGRPC(withRetry.Err())
	assert.Equal(t, refused, a.kind)
	assert.True(t, a.retryAfter)

	a = fromGRPC(status.Error(codes.Unavailable, "data refused due to high memory usage"))
	assert.Equal(t, refused, a.kind)
	assert.False(t, a.retryAfter)
	assert.Equal(t, failed, fromGRPC(status.Error(codes.Unavailable, "connection error: desc = ...")).kind)
	assert.Equal(t, failed, fromGRPC(status.Error(codes.InvalidArgument, "no")).kind)
}

func TestRun_EndsWithItsDurationAndItsContext(t *testing.T) {
	free, err := proc.FreeAddresses(1)
	require.NoError(t, err)
	g, err := sink.NewOTLP(free[0], sink.Mode{})
	require.NoError(t, err)
	defer g.Close()
	f, err := NewFleet(1, Shape{Points: 10})
	require.NoError(t, err)
	r, err := Run(t.Context(), f, Options{Address: free[0], Duration: 30 * time.Millisecond, PointsPerSecond: 1000, Timeout: time.Second})
	require.NoError(t, err)
	assert.LessOrEqual(t, r.Sent.Requests, 4, "1000 points a second are three requests of 10 in 30 ms, and the first")
	assert.Positive(t, r.Sent.Requests)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Run(ctx, f, Options{Address: free[0], Duration: time.Hour, Timeout: time.Second})
	assert.ErrorIs(t, err, context.Canceled)
}
