package streamerprocessor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadatatest"
)

// arrival is a batch, and how long after it the next one comes.
type arrival struct {
	points int
	pause  time.Duration
}

func drawArrival(t *rapid.T) arrival {
	return arrival{
		points: rapid.IntRange(0, 50).Draw(t, "points") * rapid.SampledFrom([]int{1, 100}).Draw(t, "times"),
		pause:  time.Duration(rapid.IntRange(0, 2000).Draw(t, "pause")) * time.Millisecond,
	}
}

// What is let in over any time is no more than the rate allows, and who waits as long as told is let in.
func TestRateLimitKeepsTheRate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := RateLimitConfig{
			PointsPerSecond: rapid.SampledFrom([]float64{0.5, 1, 3, 1000, 1e6}).Draw(rt, "rate"),
			Burst:           rapid.SampledFrom([]int{0, 1, 5, 2000}).Draw(rt, "burst"),
		}
		require.NoError(rt, c.validate())
		arrivals := rapid.SliceOfN(rapid.Custom(drawArrival), 1, 20).Draw(rt, "arrivals")
		fault := ""
		synctest.Test(t, func(*testing.T) { fault = keepsRate(c, arrivals) })
		require.Empty(rt, fault)
	})
}

// keepsRate returns what is wrong.
func keepsRate(c RateLimitConfig, arrivals []arrival) string {
	l, start, taken, largest := newLimit(c), time.Now(), 0, 0
	for _, a := range arrivals {
		if delay := l.take(a.points); delay > 0 {
			time.Sleep(delay - delay/4)
			if l.take(a.points) == 0 {
				return "three quarters of the time are enough"
			}
			time.Sleep(delay/4 + time.Microsecond)
			if again := l.take(a.points); again > 0 {
				return fmt.Sprint("having waited as told it is told to wait ", again)
			}
		}
		taken, largest = taken+a.points, max(largest, a.points)
		allowed := c.PointsPerSecond*time.Since(start).Seconds() + float64(max(l.burst, largest))
		if float64(taken) > allowed+1 {
			return fmt.Sprintf("%d points, %v are allowed", taken, allowed)
		}
		time.Sleep(a.pause)
	}
	return ""
}

// A batch larger than the bucket passes when the bucket is full, and those behind it wait until its debt is paid.
func TestBatchLargerThanTheBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimit(RateLimitConfig{PointsPerSecond: 10, Burst: 20})
		assert.Zero(t, l.take(100))
		assert.Equal(t, 8*time.Second+100*time.Millisecond, l.take(1))
		time.Sleep(8*time.Second + 100*time.Millisecond)
		assert.Zero(t, l.take(1))
		assert.Equal(t, 2*time.Second, l.take(1000), "the bucket is full again by then")
		time.Sleep(2 * time.Second)
		assert.Zero(t, l.take(1000))
	})
}

// Of refusals at the same moment none may take what the other gives back: who waits as long as told is let in.
func TestRefusalsAtOnceTakeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimit(RateLimitConfig{PointsPerSecond: 10, Burst: 20})
		assert.Zero(t, l.take(20))
		var refused sync.WaitGroup
		for range 8 {
			refused.Go(func() {
				for range 2000 {
					l.take(20)
				}
			})
		}
		refused.Wait()
		assert.Equal(t, 2*time.Second, l.take(20))
	})
}

func TestNoRateLimit(t *testing.T) {
	assert.Zero(t, newLimit(RateLimitConfig{}).take(math.MaxInt))
}

// freeAddress is a local address that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// limited is the core OTLP receiver before a streamer that takes five points, and then one every ten seconds.
func limited(t *testing.T, set *componenttest.Telemetry) (grpcAddress, httpAddress string, sink *consumertest.MetricsSink) {
	t.Helper()
	sink = &consumertest.MetricsSink{}
	cfg := createDefaultConfig().(*Config)
	cfg.RateLimit = RateLimitConfig{PointsPerSecond: 0.1, Burst: 5}
	require.NoError(t, cfg.Validate())
	p, err := NewFactory().CreateMetrics(t.Context(), metadatatest.NewSettings(set), cfg, sink)
	require.NoError(t, err)

	grpcAddress, httpAddress = freeAddress(t), freeAddress(t)
	factory := otlpreceiver.NewFactory()
	rcfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": grpcAddress}, "http": map[string]any{"endpoint": httpAddress},
	}}).Unmarshal(rcfg))
	r, err := factory.CreateMetrics(t.Context(), receivertest.NewNopSettings(factory.Type()), rcfg, p)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		assert.NoError(t, r.Shutdown(context.WithoutCancel(t.Context())))
		assert.NoError(t, p.Shutdown(context.WithoutCancel(t.Context())))
	})
	return grpcAddress, httpAddress, sink
}

func gaugeOf(points int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	m.SetEmptyGauge()
	for i := range points {
		m.Gauge().DataPoints().AppendEmpty().SetIntValue(int64(i))
	}
	return md
}

func retryDelay(t *testing.T, details []any) time.Duration {
	t.Helper()
	require.Len(t, details, 1)
	return details[0].(*errdetails.RetryInfo).GetRetryDelay().AsDuration()
}

func TestRateLimitReachesOTLPClientsByGRPC(t *testing.T) {
	tel := newTelemetry(t)
	address, _, sink := limited(t, tel)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	client := pmetricotlp.NewGRPCClient(conn)

	_, err = client.Export(t.Context(), pmetricotlp.NewExportRequestFromMetrics(gaugeOf(5)), grpc.WaitForReady(true))
	require.NoError(t, err)
	_, err = client.Export(t.Context(), pmetricotlp.NewExportRequestFromMetrics(gaugeOf(2)))
	s := status.Convert(err)
	require.Equal(t, codes.ResourceExhausted, s.Code())
	assert.Contains(t, s.Message(), "rate_limit")
	delay := retryDelay(t, s.Details())
	assert.Greater(t, delay, 10*time.Second)
	assert.LessOrEqual(t, delay, 20*time.Second)
	assert.Equal(t, 5, sink.DataPointCount())
	metadatatest.AssertEqualStreamerRefusedDatapoints(t, tel, []metricdata.DataPoint[int64]{{
		Attributes: attribute.NewSet(attribute.String("processor", "streamer"), attribute.String("reason", "rate_limit")), Value: 2,
	}}, metricdatatest.IgnoreTimestamp())
}

func TestRateLimitReachesOTLPClientsByHTTP(t *testing.T) {
	_, address, sink := limited(t, newTelemetry(t))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	post := func(points int) (int, string, []byte) {
		body, err := pmetricotlp.NewExportRequestFromMetrics(gaugeOf(points)).MarshalProto()
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/v1/metrics", bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-protobuf")
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer func() { require.NoError(t, resp.Body.Close()) }()
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, resp.Header.Get("Retry-After"), answer
	}
	code, _, _ := post(5)
	require.Equal(t, http.StatusOK, code)
	code, retryAfter, body := post(1)
	require.Equal(t, http.StatusTooManyRequests, code)
	assert.Equal(t, "10", retryAfter)
	answer := &spb.Status{}
	require.NoError(t, proto.Unmarshal(body, answer))
	assert.Equal(t, int32(codes.ResourceExhausted), answer.GetCode())
	assert.Equal(t, 10*time.Second, retryDelay(t, status.FromProto(answer).Details()))
	assert.Equal(t, 5, sink.DataPointCount())
}

func TestRetryInfoIsInWholeSeconds(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.RateLimit = RateLimitConfig{PointsPerSecond: 100}
	p, err := NewFactory().CreateMetrics(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, p.ConsumeMetrics(t.Context(), gaugeOf(100)))
	err = p.ConsumeMetrics(t.Context(), gaugeOf(1))
	assert.Equal(t, time.Second, retryDelay(t, status.Convert(err).Details()), "10 ms would be 0 s for HTTP")
	require.NoError(t, p.ConsumeMetrics(t.Context(), gaugeOf(0)), "nothing is never too much")
	require.NoError(t, p.Shutdown(t.Context()))
}
