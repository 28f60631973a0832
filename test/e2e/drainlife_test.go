package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// someEndings runs those of inCI, which differ most, and with SLUICE_E2E=full all of them.
func someEndings(t *testing.T, inCI map[string]bool, run func(t *testing.T, how string, e ending)) {
	t.Helper()
	for how, e := range endings {
		if full() || inCI[how] {
			t.Run(how, func(t *testing.T) {
				t.Parallel()
				run(t, how, e)
			})
		}
	}
}

// target serves gauges, so that the backend of the drain tests can tell them apart.
func target(t *testing.T, hang bool) (address string, scrapes *atomic.Int64) {
	t.Helper()
	scrapes = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scrapes.Add(1)
		if hang {
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, "# TYPE a gauge\na 1\n# TYPE b gauge\nb 2\n")
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return strings.TrimPrefix(s.URL, "http://"), scrapes
}

// TestDrainWithHungTargets stops in the middle of scrapes that never end.
func TestDrainWithHungTargets(t *testing.T) {
	someEndings(t, only(byDeadline), func(t *testing.T, how string, e ending) {
		t.Helper()
		backend := newNumbered(t, takes)
		good, _ := target(t, false)
		var targets []string
		var hung []*atomic.Int64
		for range 20 {
			address, scrapes := target(t, true)
			targets, hung = append(targets, address), append(hung, scrapes)
		}
		cfg := newDrainConfig(t, backend.URL)
		cfg.drain, cfg.queue, cfg.receiverNames = e.drain, memoryQueue, "otlp, prometheus_scrape"
		cfg.receivers = fmt.Sprintf(`  prometheus_scrape:
    config:
      scrape_configs:
        - {job_name: good, scrape_interval: 100ms, scrape_timeout: 100ms, static_configs: [{targets: [%q]}]}
        - {job_name: hung, scrape_interval: 10s, scrape_timeout: 10s, static_configs: [{targets: ["%s"]}]}`, good, strings.Join(targets, `", "`))
		s := cfg.launch(t)
		eventually(t, func() error {
			var hang int
			for _, scrapes := range hung {
				hang += int(scrapes.Load())
			}
			if hang < 3 {
				return errors.New("not enough targets hang yet: each is scraped some time into its interval")
			}
			if backend.points() < 50 {
				return errors.New("the good target was not scraped often enough")
			}
			return nil
		})
		code := e.end(t, s, how)
		r := readReport(t, cfg.reportFile())
		assert.Equal(t, r.ExitCode, code)
		assert.Equal(t, backend.points(), r.Points.Delivered)
		assert.Equal(t, r.Points.Accepted, r.Points.Delivered+r.Points.Lost)
		assert.Zero(t, r.Points.Copied)
		assert.Empty(t, r.hung(), "a scrape that hangs is given up")
		if how != bySecondTerm {
			assert.Equal(t, 0, code)
			assert.Zero(t, r.Points.Lost)
		}
	})
}

// TestDrainWithIdleConnections stops while many clients keep their connections.
func TestDrainWithIdleConnections(t *testing.T) {
	someEndings(t, only(toItsEnd), func(t *testing.T, how string, e ending) {
		t.Helper()
		backend := newNumbered(t, takes)
		cfg := newDrainConfig(t, backend.URL)
		cfg.drain = e.drain
		s := cfg.launch(t)
		var accepted int64
		for i := range int64(100) {
			conn := dialGRPC(t, cfg.p.grpc)
			_, err := pmetricotlp.NewGRPCClient(conn).Export(t.Context(), exportRequest(t, i*pointsPerBatch))
			require.NoError(t, err)
			accepted += pointsPerBatch
		}
		code := e.end(t, s, how)
		r := readReport(t, cfg.reportFile())
		assert.Equal(t, accepted, r.Points.Accepted)
		assert.Equal(t, backend.points(), r.Points.Delivered)
		assert.Equal(t, accepted, r.Points.Delivered+r.Points.Lost)
		if how != bySecondTerm {
			assert.Equal(t, 0, code)
		}
	})
}

// TestDrainWithSilentConnections stops while connections are open that have not even said that they are gRPC's.
func TestDrainWithSilentConnections(t *testing.T) {
	t.Parallel()
	backend := newNumbered(t, takes)
	cfg := newDrainConfig(t, backend.URL)
	cfg.drain = "timeout: 20s, component_timeout: 4s"
	yaml := strings.Replace(cfg.yaml(), `{grpc: {`, `{grpc: {middlewares: [{id: drain}], `, 1)
	s, _ := launchConfig(t, yaml)
	cfg.p.ready(t)
	accepted := sendBatches(t, cfg.http, 0, 3)
	for range 50 {
		silent(t, cfg.p.grpc)
	}
	s.signal(syscall.SIGTERM)
	began := time.Now()
	assert.Equal(t, 0, s.wait(patience))
	assert.Less(t, time.Since(began), 4*time.Second)
	r := readReport(t, cfg.reportFile())
	assert.EqualValues(t, len(accepted), r.Points.Delivered)
}

func dialGRPC(t *testing.T, port string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("127.0.0.1:"+port, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func silent(t *testing.T, port string) {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
}

func exportRequest(t *testing.T, first int64) pmetricotlp.ExportRequest {
	t.Helper()
	req := pmetricotlp.NewExportRequest()
	require.NoError(t, req.UnmarshalProto(batch(first)))
	return req
}

// TestDrainLeavesAReceiverBehind has calls that never end, because the backend does not answer and there is no queue.
// The receiver waits for them for ever. It is left behind, and the exporter of another pipeline still delivers.
func TestDrainLeavesAReceiverBehind(t *testing.T) {
	hanging, backend := newNumbered(t, hangs), newNumbered(t, takes)
	cfg := newDrainConfig(t, hanging.URL)
	cfg.queue, cfg.exporter = "enabled: false", "timeout: 10m"
	cfg.drain = "timeout: 20s, component_timeout: 1s"
	good := freePort(t)
	yaml := strings.Replace(cfg.yaml(), "exporters:\n", `exporters:
  otlp_http/good: {endpoint: "`+backend.URL+`", sending_queue: {batch: {flush_timeout: 1h}}}
`, 1)
	yaml = strings.Replace(yaml, "receivers:\n", `receivers:
  otlp/good: {protocols: {http: {endpoint: "127.0.0.1:`+good+`"}}}
`, 1)
	yaml = strings.Replace(yaml, "pipelines: {", "pipelines: {metrics/good: {receivers: [otlp/good], exporters: [otlp_http/good]}, ", 1)
	s, _ := launchConfig(t, yaml)
	cfg.p.ready(t)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	refused := make(chan error, 1)
	conn, req := dialGRPC(t, cfg.p.grpc), exportRequest(t, 0)
	go func() {
		_, err := pmetricotlp.NewGRPCClient(conn).Export(ctx, req)
		refused <- err
	}()
	eventually(t, func() error {
		if hanging.asked.Load() == 0 {
			return errors.New("the backend was not asked yet")
		}
		return nil
	})
	accepted := sendBatches(t, good, 1, 3)
	require.Len(t, accepted, 3*pointsPerBatch)
	s.signal(syscall.SIGTERM)
	began := time.Now()
	assert.Equal(t, 3, s.wait(patience))
	assert.Less(t, time.Since(began), 10*time.Second, "long before the deadline")
	require.Error(t, <-refused)
	r := readReport(t, cfg.reportFile())
	assert.Contains(t, r.hung(), "receiver otlp")
	assert.EqualValues(t, len(accepted), r.Points.Accepted)
	assert.EqualValues(t, len(accepted), r.Points.Delivered)
	assert.EqualValues(t, len(accepted), backend.points())
	assert.Zero(t, r.Points.Lost, "the client of the call was told")
}

// TestLameDuck takes traffic for as long as it says it does, while everybody who asks hears that it will not.
func TestLameDuck(t *testing.T) {
	const delay = 3 * time.Second
	backend := newNumbered(t, takes)
	cfg := newDrainConfig(t, backend.URL)
	cfg.drain = "delay: 3s, timeout: 10s"
	health := freePort(t)
	yaml := strings.Replace(cfg.yaml(), "extensions:\n", `extensions:
  health_check: {endpoint: "127.0.0.1:`+health+`"}
`, 1)
	yaml = strings.Replace(yaml, "extensions: [", "extensions: [health_check, ", 1)
	s, _ := launchConfig(t, yaml)
	cfg.p.ready(t)
	answered(t, "http://127.0.0.1:"+health, http.StatusOK)

	s.signal(syscall.SIGTERM)
	began := time.Now()
	answered(t, "http://127.0.0.1:"+cfg.p.drain+"/readyz", http.StatusServiceUnavailable)
	answered(t, "http://127.0.0.1:"+health, http.StatusServiceUnavailable) // it was told before the delay
	require.Less(t, time.Since(began), time.Second, "at once")
	var accepted []int64
	for i := 0; time.Since(began) < delay-500*time.Millisecond; i++ {
		sent := sendBatches(t, cfg.http, i, 1)
		require.NotEmpty(t, sent, "data is still taken after %v", time.Since(began))
		accepted = append(accepted, sent...)
		_, err := fetch(t.Context(), "http://127.0.0.1:"+cfg.p.drain+"/livez", http.StatusOK)
		require.NoError(t, err)
		time.Sleep(100 * time.Millisecond)
	}
	assert.Equal(t, 0, s.wait(patience))
	took := time.Since(began)
	assert.GreaterOrEqual(t, took, delay)
	assert.Less(t, took, delay+3*time.Second)
	r := readReport(t, cfg.reportFile())
	assert.Equal(t, "terminated", r.Reason)
	assert.EqualValues(t, len(accepted), r.Points.Accepted)
	assert.EqualValues(t, len(accepted), r.Points.Delivered)
	assert.Empty(t, backend.lacks(accepted))
	require.NotEmpty(t, r.Phases)
	assert.Equal(t, "lame_duck", r.Phases[0].Name)
	assert.InDelta(t, delay.Seconds(), r.Phases[0].Seconds, 0.5)
	var names []string
	for _, p := range r.Phases[1:] {
		names = append(names, p.Name)
	}
	assert.Equal(t, []string{"receivers", "processors", "exporters", "extensions"}, names)
	for _, c := range r.Components {
		assert.Equal(t, "stopped", c.State, c.Kind+" "+c.ID)
	}
	assert.Positive(t, r.Goroutines)
}

// TestReloadHasNoLameDuck and keeps the books.
func TestReloadHasNoLameDuck(t *testing.T) {
	backend := newNumbered(t, takes)
	cfg := newDrainConfig(t, backend.URL)
	cfg.drain = "delay: 1m"
	s, file := launchConfig(t, cfg.yaml())
	cfg.p.ready(t)
	accepted := sendBatches(t, cfg.http, 0, 3)

	cfg.drain = "delay: 0s"
	require.NoError(t, os.WriteFile(file, []byte(cfg.yaml()), 0o600))
	began := time.Now()
	s.signal(syscall.SIGHUP)
	eventually(t, func() error {
		if strings.Count(s.log.String(), "Everything is ready") < 2 {
			return errors.New("still reloading")
		}
		return nil
	})
	assert.Less(t, time.Since(began), 10*time.Second, "a reload does not pay the delay")
	_, err := os.Stat(cfg.reportFile())
	require.ErrorIs(t, err, os.ErrNotExist, "a reload is not the end")
	cfg.p.ready(t)
	accepted = append(accepted, sendBatches(t, cfg.http, 3, 3)...)
	s.stop()
	r := readReport(t, cfg.reportFile())
	assert.EqualValues(t, len(accepted), r.Points.Accepted, "of both configurations")
	assert.EqualValues(t, len(accepted), r.Points.Delivered)
	assert.Zero(t, r.Points.Copied)
}

// TestReloadThatHangsEndsTheProcess within the time-out, and says what it took along.
func TestReloadThatHangsEndsTheProcess(t *testing.T) {
	t.Parallel()
	cfg := newDrainConfig(t, newNumbered(t, hangs).URL)
	cfg.drain = "delay: 1m, timeout: 1500ms, component_timeout: 0s"
	s := cfg.launch(t)
	accepted := sendBatches(t, cfg.http, 0, 3)
	began := time.Now()
	s.signal(syscall.SIGHUP)
	assert.Equal(t, 3, s.wait(patience))
	assert.Less(t, time.Since(began), 5*time.Second)
	r := readReport(t, cfg.reportFile())
	assert.Equal(t, "forced", r.Outcome)
	assert.Contains(t, r.Reason, "no signal")
	assert.Equal(t, []string{"exporter otlp_http"}, r.hung())
	assert.EqualValues(t, len(accepted), r.Points.Lost)
}

// TestReloadThatCannotStartReports: the old configuration is gone, the new one finds its port taken.
func TestReloadThatCannotStartReports(t *testing.T) {
	t.Parallel()
	backend := newNumbered(t, takes)
	cfg := newDrainConfig(t, backend.URL)
	s, file := launchConfig(t, cfg.yaml())
	cfg.p.ready(t)
	accepted := sendBatches(t, cfg.http, 0, 3)
	_, taken, err := net.SplitHostPort(strings.TrimPrefix(backend.URL, "http://"))
	require.NoError(t, err)
	cfg.http = taken
	require.NoError(t, os.WriteFile(file, []byte(cfg.yaml()), 0o600))
	s.signal(syscall.SIGHUP)
	assert.Equal(t, 1, s.wait(patience))
	r := readReport(t, cfg.reportFile())
	assert.Equal(t, "failed", r.Outcome)
	assert.EqualValues(t, len(accepted), r.Points.Accepted)
	assert.EqualValues(t, len(accepted), r.Points.Delivered)
	assert.Zero(t, r.Points.Lost)
}

// TestTermDuringStartHasNoLameDuck is a stop of a collector that nobody knew as ready.
func TestTermDuringStartHasNoLameDuck(t *testing.T) {
	backend := newNumbered(t, takes)
	cfg := newDrainConfig(t, backend.URL)
	cfg.drain = "delay: 1m"
	asked, answer := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		_, _ = io.WriteString(w, cfg.yaml())
	}))
	defer slow.Close()
	s := launch(t, nil, "--config", slow.URL)
	<-asked
	s.signal(syscall.SIGTERM)
	close(answer)
	assert.Equal(t, 0, s.wait(10*time.Second))
	r := readReport(t, cfg.reportFile())
	assert.Equal(t, "clean", r.Outcome)
	assert.Empty(t, r.hung())
}

// TestPullDeliversIntoItsStore counts what a scraper may fetch as delivered.
func TestPullDeliversIntoItsStore(t *testing.T) {
	p := newPorts(t)
	report := t.TempDir() + "/report.json"
	s, _ := launchConfig(t, strings.Replace(p.config(`{drop: ['metric.name == "queue.size"']}`, "", ""), "drain: {", fmt.Sprintf("drain: {report_file: %q, ", report), 1))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	s.stop()
	r := readReport(t, report)
	assert.EqualValues(t, 3, r.Points.Accepted)
	assert.EqualValues(t, 1, r.Points.Removed, "the rule's")
	assert.EqualValues(t, 2, r.Points.Delivered)
	assert.Zero(t, r.Points.Lost)
	assert.Zero(t, r.Points.Copied)
}

// TestTrackingOffKnowsNothing says so.
func TestTrackingOffKnowsNothing(t *testing.T) {
	backend := newNumbered(t, takes)
	cfg := newDrainConfig(t, backend.URL)
	cfg.drain = "tracking: false"
	s := cfg.launch(t)
	sendBatches(t, cfg.http, 0, 1)
	s.stop()
	assert.Contains(t, s.log.String(), "unknown points accepted, unknown delivered, unknown stored, unknown lost")
}

// TestStockCollectorDrains is a binary with ocb's own main: drain works there, hears signals by itself, and does not make
// up what it cannot know.
func TestStockCollectorDrains(t *testing.T) {
	bin := ocb(t, "builder-config.yaml")
	backend := newNumbered(t, takes)
	cfg := newDrainConfig(t, backend.URL)
	cfg.drain = "delay: 1s"
	s, file := launchBinary(t, bin, cfg.yaml())
	cfg.p.ready(t)
	accepted := sendBatches(t, cfg.http, 0, 3)
	began := time.Now()
	require.NoError(t, os.WriteFile(file, []byte(cfg.yaml()+"\n"), 0o600))
	s.signal(syscall.SIGHUP)
	s.logged("unknown points accepted")
	assert.Less(t, time.Since(began), time.Second, "a reload has no lame duck")
	eventually(t, func() error {
		if strings.Count(s.log.String(), "Everything is ready") < 2 {
			return errors.New("still reloading")
		}
		return nil
	})
	began = time.Now()
	s.signal(syscall.SIGTERM)
	answered(t, "http://127.0.0.1:"+cfg.p.drain+"/readyz", http.StatusServiceUnavailable)
	assert.Equal(t, 0, s.wait(patience))
	assert.GreaterOrEqual(t, time.Since(began), time.Second)
	assert.Empty(t, backend.lacks(accepted))
	text, err := os.ReadFile(cfg.reportFile())
	require.NoError(t, err)
	assert.Contains(t, string(text), `"exit_code": "unknown"`)
	assert.Contains(t, string(text), `"lost": "unknown"`)
	assert.Contains(t, string(text), `"reason": "terminated"`)
}
