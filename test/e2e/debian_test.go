package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// installedPrometheus runs the prometheus binary of the system, where there is one, with the README's scrape
// configuration of a target, and returns its port. It is an older release than the one whose code the other tests use.
func installedPrometheus(t *testing.T, target string) (port string) {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no prometheus binary on this machine")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(`
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: sluice
    honor_labels: true
    static_configs: [{targets: ["`+target+`"]}]
`), 0o600))
	port = freePort(t)
	prometheus := exec.CommandContext(t.Context(), path, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:"+port)
	require.NoError(t, prometheus.Start())
	t.Cleanup(func() {
		_ = prometheus.Wait() // killed with the test's context
	})
	return port
}

func TestInstalledPrometheusScrapes(t *testing.T) {
	port := installedPrometheus(t, listenOn()+":9464")
	s := launchDefault(t)
	app := newApplication(t, "1", grpcExporter(t, listenOn()+":4317"))
	defer app.shutdown()
	app.work()
	app.flush()
	const pay = `{job="shop/checkout",instance="1",http_route="/pay"}`
	for q, want := range map[string]string{
		"http_requests_total" + pay: "2",
		"http_requests_total" + pay + " * on (job, instance) group_left target_info": "2",
		"queue_size_bytes" + pay:                                           "512.5",
		`http_duration_seconds_bucket{le="0.1"}`:                           "1",
		"histogram_quantile(0.5, http_duration_seconds_bucket" + pay + ")": "0.1",
		`up{job="sluice"}`:                                                 "1",
	} {
		eventually(t, func() error { return has(t, port, q, want) })
	}
	s.stop()
}

// TestInstalledPrometheusSeesSeriesEnd ends one series of two: Prometheus marks it as stale at its next scrape, minutes
// before it would give it up.
func TestInstalledPrometheusSeesSeriesEnd(t *testing.T) {
	p, otlp := newPorts(t), freePort(t)
	port := installedPrometheus(t, "127.0.0.1:"+p.pull)
	s, _ := launchConfig(t, withHTTP(p.config("", "", ""), otlp))
	p.ready(t)
	now := time.Now()
	sendRooms(t, otlp, now, 0, "here", "gone")
	eventually(t, func() error { return has(t, port, `count(temperature)`, "2") })
	sendRooms(t, otlp, now.Add(time.Second), 1, "gone")
	eventually(t, func() error { return has(t, port, `count(temperature)`, "1") })
	require.NoError(t, has(t, port, `temperature{room="here"}`, "21.5"))
	s.stop()
}

// sendRooms sends a gauge of one point for each room.
func sendRooms(t *testing.T, port string, at time.Time, flags int, rooms ...string) {
	t.Helper()
	points := make([]string, 0, len(rooms))
	for _, room := range rooms {
		points = append(points, fmt.Sprintf(`{"timeUnixNano": "%d", "asDouble": 21.5, "flags": %d, "attributes": [{"key": "room", "value": {"stringValue": "%s"}}]}`, at.UnixNano(), flags, room))
	}
	file := filepath.Join(t.TempDir(), "rooms.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"resourceMetrics": [{"scopeMetrics": [{"metrics": [
  {"name": "temperature", "gauge": {"dataPoints": [`+strings.Join(points, ",")+`]}}]}]}]}`), 0o600))
	post(t, "http://127.0.0.1:"+port+"/v1/metrics", file)
}

// has asks a Prometheus on port for q and reports an error unless it is one series of value want.
func has(t *testing.T, port, q, want string) error {
	t.Helper()
	page, err := fetch(t.Context(), "http://127.0.0.1:"+port+"/api/v1/query?query="+url.QueryEscape(q), http.StatusOK)
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal([]byte(page), &answer); err != nil {
		return err
	}
	if len(answer.Data.Result) != 1 {
		return errors.New(q + ": " + page)
	}
	if got := answer.Data.Result[0].Value[1]; got != want {
		return fmt.Errorf("%s = %v, want %s", q, got, want)
	}
	return nil
}
