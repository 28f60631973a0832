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
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInstalledPrometheusScrapes runs the prometheus binary of the system, where there is one, with the README's
// scrape configuration: an older release than the one whose code the other tests use.
func TestInstalledPrometheusScrapes(t *testing.T) {
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no prometheus binary on this machine")
	}
	s := launchDefault(t)
	app := newApplication(t, "1", grpcExporter(t, listenOn()+":4317"))
	defer app.shutdown()
	app.work()
	app.flush()

	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(`
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: sluice
    honor_labels: true
    static_configs: [{targets: ["`+listenOn()+`:9464"]}]
`), 0o600))
	port := freePort(t)
	prometheus := exec.CommandContext(t.Context(), path, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:"+port)
	require.NoError(t, prometheus.Start())
	t.Cleanup(func() {
		_ = prometheus.Wait() // killed with the test's context
	})
	eventually(t, func() error {
		return has(t, port, `http_requests_total{job="shop/checkout",instance="1",http_route="/pay"}`, "2")
	})
	s.stop()
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
