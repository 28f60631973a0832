package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contains reports the first of texts that page lacks.
func contains(page string, texts ...string) error {
	for _, text := range texts {
		if !strings.Contains(page, text) {
			return errors.New("the page lacks " + text)
		}
	}
	return nil
}

// ports are where a configuration of the tests listens.
type ports struct{ grpc, pull, drain string }

func newPorts(t *testing.T) ports {
	t.Helper()
	return ports{freePort(t), freePort(t), freePort(t)}
}

func (p ports) page() string { return "http://127.0.0.1:" + p.pull + "/metrics" }

func (p ports) ready(t *testing.T) {
	t.Helper()
	answered(t, "http://127.0.0.1:"+p.drain+"/readyz", http.StatusOK)
}

// config is a small configuration of the user's own: extra is merged by the test that needs more.
func (p ports) config(rules, exporters, exporterNames string) string {
	return fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:%s"}}}}
processors: {streamer: {rules: [%s]}}
exporters:
  prometheus_pull: {endpoint: "127.0.0.1:%s"}
%s
extensions: {drain: {endpoint: "127.0.0.1:%s"}}
service:
  extensions: [drain]
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], processors: [streamer], exporters: [prometheus_pull%s]}}
`, p.grpc, rules, p.pull, exporters, p.drain, exporterNames)
}

func TestTermStopsAndDeliversTheLastValues(t *testing.T) {
	sink, p := newSink(t), newPorts(t)
	oneByOne := `  otlp_http: {endpoint: "` + sink.URL + `", sending_queue: {num_consumers: 1}}` // several may send the last but one last
	s, _ := launchConfig(t, p.config("", oneByOne, ", otlp_http"))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	for range 20 {
		app.work()
		app.flush()
	}
	s.signal(syscall.SIGTERM)
	assert.Equal(t, 0, s.wait(5*time.Second))
	assert.Equal(t, int64(40), sink.last("http.requests"))
}

func TestSecondSignalStopsNow(t *testing.T) {
	var once sync.Once
	hung := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices that a client leaves once its body is read
		once.Do(func() { close(hung) })
		<-r.Context().Done()
	}))
	defer hanging.Close()
	p := newPorts(t)
	s, _ := launchConfig(t, p.config("", `  otlp_http: {endpoint: "`+hanging.URL+`", timeout: 10m}`, ", otlp_http"))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	<-hung
	s.signal(syscall.SIGTERM)
	answered(t, "http://127.0.0.1:"+p.drain+"/readyz", http.StatusServiceUnavailable)
	answered(t, "http://127.0.0.1:"+p.drain+"/livez", http.StatusOK)
	time.Sleep(1100 * time.Millisecond) // sooner it would count as the same signal
	s.signal(syscall.SIGINT)
	assert.Equal(t, 3, s.wait(5*time.Second))
	assert.Contains(t, s.log.String(), "second signal (interrupt): stopping now")
}

func TestTermDuringStartIsClean(t *testing.T) {
	p := newPorts(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		_, _ = io.WriteString(w, p.config("", "", ""))
	}))
	defer slow.Close()
	s := launch(t, nil, "--config", slow.URL)
	<-asked
	s.signal(syscall.SIGTERM)
	s.signal(syscall.SIGHUP)
	close(answer)
	assert.Equal(t, 0, s.wait(5*time.Second))
}

func TestSecondSignalEndsAStartThatHangs(t *testing.T) {
	asked := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer hanging.Close()
	s := launch(t, nil, "--config", hanging.URL)
	<-asked
	s.signal(syscall.SIGTERM)
	eventually(t, func() error {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // an error says that it has ended
		select {
		case <-s.done:
			return nil
		default:
			return errors.New("still running")
		}
	})
	assert.Equal(t, 3, s.wait(time.Second))
}

func TestUserConfigurationReplacesTheDefault(t *testing.T) {
	p := newPorts(t)
	s, _ := launchConfig(t, p.config(`{drop: ['metric.name == "queue.size"']}`, "", ""))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	page := answered(t, p.page(), http.StatusOK)
	require.NoError(t, contains(page, "http_requests_total{"))
	assert.NotContains(t, page, "queue_size")
	assert.NotContains(t, page, "process_memory_usage")
	s.stop()
}

func TestRestartServesWhatIsSentAgain(t *testing.T) {
	p := newPorts(t)
	first, file := launchConfig(t, p.config("", "", ""))
	p.ready(t)
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	first.stop()

	second := launch(t, nil, "--config", file)
	p.ready(t)
	app.work()
	app.flush()
	require.NoError(t, contains(answered(t, p.page(), http.StatusOK), "} 4"))
	second.stop()
}

func TestHangUpReloads(t *testing.T) {
	p := newPorts(t)
	s, file := launchConfig(t, p.config("", "", ""))
	p.ready(t)
	require.NoError(t, os.WriteFile(file, []byte(p.config(`{transform: ['set(datapoint.attributes["generation"], "two")']}`, "", "")), 0o600))
	s.signal(syscall.SIGHUP)
	s.logged("Config updated")
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	eventually(t, func() error {
		app.work()
		app.flush() // the old receiver may still take it
		page, err := fetch(t.Context(), p.page(), http.StatusOK)
		if err == nil {
			err = contains(page, `generation="two"`)
		}
		return err
	})
	s.stop()
}

func TestBadReloadKeepsTheLastGoodConfiguration(t *testing.T) {
	p := newPorts(t)
	s, file := launchConfig(t, p.config(`{transform: ['set(datapoint.attributes["generation"], "one")']}`, "", ""))
	p.ready(t)
	for _, bad := range []string{"receivers: [not yaml", p.config(`{drop: ['metric.nme == ""']}`, "", "")} {
		require.NoError(t, os.WriteFile(file, []byte(bad), 0o600))
		s.signal(syscall.SIGHUP)
		s.logged("the last good one stays in force")
		p.ready(t)
		s.log.reset()
	}
	require.NoError(t, os.Remove(file))
	s.signal(syscall.SIGHUP)
	s.logged("the last good one stays in force")
	p.ready(t)

	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	require.NoError(t, contains(answered(t, p.page(), http.StatusOK), `generation="one"`))
	s.stop()
}
