package prometheuspullexporter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/internal/metadatatest"
)

func TestScrapeTimeout(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"10":     10 * time.Second,
		"0.5":    500 * time.Millisecond,
		"1e1":    10 * time.Second,
		"59.999": 59999 * time.Millisecond,
		"61":     time.Minute,
		"":       time.Minute,
		"0":      time.Minute,
		"-1":     time.Minute,
		"1e-12":  time.Minute,
		"1e300":  time.Minute,
		"NaN":    time.Minute,
		"+Inf":   time.Minute,
		"10s":    time.Minute,
		"1 0":    time.Minute,
	} {
		h := http.Header{timeoutHeader: {header}}
		assert.Equal(t, want, scrapeTimeout(h, time.Minute), "%q", header)
		if want == time.Minute && header != "61" {
			want = 0
		}
		if header != "61" {
			assert.Equal(t, want, scrapeTimeout(h, 0), "%q without a write_timeout", header)
		}
	}
}

func TestOutcomeOf(t *testing.T) {
	opErr := &net.OpError{Op: "write", Err: os.ErrDeadlineExceeded}
	for _, c := range []struct {
		err           error
		took, timeout time.Duration
		want          string
	}{
		{nil, time.Hour, time.Second, "ok"},
		{opErr, 0, 0, "timeout"},
		{context.DeadlineExceeded, 0, 0, "timeout"},
		{context.Canceled, 500 * time.Millisecond, time.Second, "error"},
		{context.Canceled, 950 * time.Millisecond, time.Second, "timeout"},
		{errors.New("broken pipe"), time.Hour, 0, "error"},
	} {
		assert.Equal(t, c.want, outcomeOf(c.err, c.took, c.timeout), "%v after %v of %v", c.err, c.took, c.timeout)
	}
}

func TestDeadlineReachesTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newFixture(t, func(cfg *Config) { cfg.ServerConfig.WriteTimeout = 0 })
		e.engine = &fakeEngine{e.engine, func(ctx context.Context, _ io.Writer) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		start := time.Now()
		assert.PanicsWithValue(t, http.ErrAbortHandler, func() { e.request(t, http.MethodGet, "/metrics", timeoutHeader, "7.5") })
		assert.Equal(t, 7500*time.Millisecond, time.Since(start))
		e.requireOutcome(t, "timeout")
	})
}

func (f *fixture) requireOutcome(t *testing.T, outcome string) {
	t.Helper()
	metadatatest.AssertEqualPrometheusPullScrapes(t, f.tel, []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(exporterID, attribute.String("outcome", outcome))},
	}, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
}

// endless is an engine whose page has no end but that of the connection.
func endless(e engine) engine {
	return &fakeEngine{e, func(_ context.Context, w io.Writer) error {
		for piece := make([]byte, 128<<10); ; {
			for i := range piece {
				piece[i] += byte(i*i) | 1 // badly compressible
			}
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
	}}
}

// dial sends a request and reads nothing.
func dial(t *testing.T, address, headers string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: sluice\r\n"+headers+"\r\n")
	require.NoError(t, err)
	return conn
}

// TestStuckScraperIsCutOff goes through the collector's server, whose wrappers must let the deadline pass.
func TestStuckScraperIsCutOff(t *testing.T) {
	for _, encoding := range []string{"identity", "gzip", "zstd"} {
		t.Run(encoding, func(t *testing.T) {
			address := freeAddress(t)
			e := newFixture(t, func(cfg *Config) { cfg.ServerConfig.NetAddr.Endpoint = address })
			e.engine = endless(e.engine)
			require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
			conn := dial(t, address, "Accept-Encoding: "+encoding+"\r\n"+timeoutHeader+": 2\r\n")
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				_, err := e.tel.GetMetric("otelcol_prometheus_pull_scrapes")
				assert.NoError(c, err)
			}, 10*time.Second, 10*time.Millisecond)
			e.requireOutcome(t, "timeout")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil) //nolint:bodyclose // requireCutOff does
			requireCutOff(t, resp, err)
		})
	}
}

// requireCutOff takes an answer that was cut off before it began, too: a slow machine may have nothing to send by then.
func requireCutOff(t *testing.T, resp *http.Response, err error) {
	t.Helper()
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		_, err = io.Copy(io.Discard, resp.Body)
	}
	require.Error(t, err, "a page that was cut off must not pass for a whole one")
}

func TestStuckScraperIsCutOffOverHTTP2(t *testing.T) {
	e := newFixture(t, nil)
	e.engine = endless(e.engine)
	server := httptest.NewUnstartedServer(e.handler())
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/metrics", http.NoBody)
	require.NoError(t, err)
	req.Header.Set(timeoutHeader, "2")
	resp, err := server.Client().Do(req) //nolint:bodyclose // requireCutOff does
	if err == nil {
		require.Equal(t, 2, resp.ProtoMajor)
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := e.tel.GetMetric("otelcol_prometheus_pull_scrapes")
		assert.NoError(c, err)
	}, 10*time.Second, 10*time.Millisecond)
	e.requireOutcome(t, "timeout")
	requireCutOff(t, resp, err)
}

// pipeListener has one connection.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	conn, open := <-l
	if !open {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (pipeListener) Close() error   { return nil }
func (pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// TestDeadlineIsThatOfOneRequest sends a second request on a connection whose first one had little time.
func TestDeadlineIsThatOfOneRequest(t *testing.T) {
	for _, writeTimeout := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			e := newFixture(t, func(cfg *Config) { cfg.ServerConfig.WriteTimeout = writeTimeout })
			e.engine = &fakeEngine{e.engine, func(context.Context, io.Writer) error {
				time.Sleep(time.Second)
				return nil
			}}
			require.NoError(t, e.consume(t.Context(), gauge("up")))
			client, server := net.Pipe()
			listener := make(pipeListener, 1)
			listener <- server
			srv := http.Server{Handler: e.handler(), WriteTimeout: writeTimeout, ReadHeaderTimeout: time.Minute}
			go func() { _ = srv.Serve(listener) }()
			answers := bufio.NewReader(client)
			for _, headers := range []string{timeoutHeader + ": 1.5\r\n", ""} {
				_, err := io.WriteString(client, "GET /metrics HTTP/1.1\r\nHost: sluice\r\n"+headers+"\r\n")
				require.NoError(t, err)
				require.Contains(t, answer(t, answers), "up 1\n")
			}
			close(listener)
			require.NoError(t, client.Close())
			require.NoError(t, srv.Close())
		})
	}
}

func answer(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

func TestScraperThatHangsUpIsAnError(t *testing.T) {
	address := freeAddress(t)
	e := newFixture(t, func(cfg *Config) { cfg.ServerConfig.NetAddr.Endpoint = address })
	e.engine = endless(e.engine)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, dial(t, address, "").Close())
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := e.tel.GetMetric("otelcol_prometheus_pull_scrapes")
		assert.NoError(c, err)
	}, 10*time.Second, 10*time.Millisecond)
	e.requireOutcome(t, "error")
}

func TestStuckScraperDoesNotStopTheIntake(t *testing.T) {
	e := newFixture(t, nil)
	for i := range 5000 {
		require.NoError(t, e.consume(t.Context(), gauge(fmt.Sprintf("metric_%d", i))))
	}
	entered, release := make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.handler().ServeHTTP(&stuckWriter{httptest.NewRecorder(), entered, release},
			httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	}()
	<-entered
	require.NoError(t, e.consume(t.Context(), gauge("metric_0")), "hangs if the scrape holds a lock")
	require.NoError(t, e.consume(t.Context(), gauge("new")))
	e.engine.Expire()
	close(release)
	<-done
}

// stuckWriter takes nothing until it is released.
type stuckWriter struct {
	*httptest.ResponseRecorder
	entered, release chan struct{}
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	select {
	case <-w.entered:
	default:
		close(w.entered)
	}
	<-w.release
	return w.ResponseRecorder.Write(p)
}
