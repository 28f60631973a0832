package sink

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sluice-metrics/sluice/bench/internal/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func request() pmetricotlp.ExportRequest {
	md := pmetric.NewMetrics()
	points := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints()
	points.AppendEmpty().SetIntValue(1)
	points.AppendEmpty().SetIntValue(2)
	return pmetricotlp.NewExportRequestFromMetrics(md)
}

func free(t *testing.T) string {
	t.Helper()
	a, err := proc.FreeAddresses(1)
	require.NoError(t, err)
	return a[0]
}

// export sends two points to a gRPC sink of that mode and returns what it counted.
func export(t *testing.T, mode Mode, within time.Duration) (*OTLP, error) {
	t.Helper()
	address := free(t)
	s, err := NewOTLP(address, mode)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	_, err = pmetricotlp.NewGRPCClient(conn).Export(ctx, request(), grpc.UseCompressor("gzip"))
	return s, err
}

func TestOTLP_Counts(t *testing.T) {
	s, err := export(t, Mode{}, 10*time.Second)
	require.NoError(t, err)
	assert.EqualValues(t, 2, s.Points())
	assert.EqualValues(t, 1, s.Requests())
	s.Close()
	s.Close()
}

func TestOTLP_Delays(t *testing.T) {
	start := time.Now()
	s, err := export(t, Mode{Delay: 30 * time.Millisecond}, 10*time.Second)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond)
	assert.EqualValues(t, 2, s.Points())
}

func TestOTLP_Hangs(t *testing.T) {
	s, err := export(t, Mode{Hang: true}, 50*time.Millisecond)
	require.Error(t, err)
	assert.Zero(t, s.Points())
}

func post(t *testing.T, s *HTTP, url string, body []byte, encoding string) int {
	t.Helper()
	t.Cleanup(s.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Encoding", encoding)
	client := http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

func TestHTTP_CountsOTLP(t *testing.T) {
	address := free(t)
	s, err := NewHTTP(address, Mode{})
	require.NoError(t, err)
	body, err := request().MarshalProto()
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, post(t, s, "http://"+address+"/v1/metrics", body, ""))
	assert.Equal(t, http.StatusBadRequest, post(t, s, "http://"+address+"/v1/metrics", body, "br"))
	assert.EqualValues(t, 2, s.Points())
}

func TestHTTP_CountsRemoteWrite(t *testing.T) {
	address := free(t)
	s, err := NewHTTP(address, Mode{})
	require.NoError(t, err)
	w := prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{
			{Labels: []prompb.Label{{Name: "a", Value: "b"}}, Samples: []prompb.Sample{{Value: 1}, {Value: 2}}},
			{Labels: []prompb.Label{{Name: "a", Value: "c"}}, Samples: []prompb.Sample{{Value: 3}}},
		},
		Metadata: []prompb.MetricMetadata{{MetricFamilyName: "x"}},
	}
	body, err := w.Marshal()
	require.NoError(t, err)
	url := "http://" + address + "/api/v1/write"
	assert.Equal(t, http.StatusOK, post(t, s, url, snappy.Encode(nil, body), "snappy"))
	assert.Equal(t, http.StatusBadRequest, post(t, s, url, []byte{0xff, 0xff}, "snappy"))
	assert.EqualValues(t, 3, s.Points())
}

func TestCountSamples_RefusesWhatIsNotProtobuf(t *testing.T) {
	_, err := countSamples([]byte{0x0a, 0x7f, 0x01})
	assert.ErrorIs(t, err, errProtobuf)
}
