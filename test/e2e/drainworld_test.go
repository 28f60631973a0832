package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	xrequest "go.opentelemetry.io/collector/pdata/xpdata/request"
)

// pointsPerBatch are in each request of the drain tests.
const pointsPerBatch = 50

// numbered is a backend that notes which points it confirmed; each has a value of its own. A new one can be switched on
// behind the same address.
type numbered struct {
	*httptest.Server
	mu        sync.Mutex
	confirmed map[int64]int // how often
	answer    func(w http.ResponseWriter, r *http.Request) (confirm bool)
	asked     atomic.Int64 // requests that came
}

func newNumbered(t *testing.T, answer func(w http.ResponseWriter, r *http.Request) bool) *numbered {
	t.Helper()
	b := &numbered{confirmed: map[int64]int{}, answer: answer}
	b.Server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(func() {
		b.CloseClientConnections() // those that hang
		b.Close()
	})
	return b
}

func takes(http.ResponseWriter, *http.Request) bool { return true }

// slowly confirms after a second, if the client is still there. No test ends a process just then.
func slowly(_ http.ResponseWriter, r *http.Request) bool {
	select {
	case <-time.After(time.Second):
		return r.Context().Err() == nil
	case <-r.Context().Done():
		return false
	}
}

func hangs(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return false
}

func (b *numbered) serve(w http.ResponseWriter, r *http.Request) {
	text, err := body(r)
	req := pmetricotlp.NewExportRequest()
	if err != nil || req.UnmarshalProto(text) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.asked.Add(1)
	if !b.answer(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range valuesOf(req.Metrics()) {
		b.confirmed[v]++
	}
}

func (b *numbered) points() (times int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.confirmed {
		times += int64(n)
	}
	return times
}

// lacks are those of the points that were never confirmed.
func (b *numbered) lacks(points []int64) (missing []int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range points {
		if b.confirmed[v] == 0 {
			missing = append(missing, v)
		}
	}
	return missing
}

func valuesOf(md pmetric.Metrics) (values []int64) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				for _, dp := range m.Gauge().DataPoints().All() {
					values = append(values, dp.IntValue())
				}
			}
		}
	}
	return values
}

// batch is a request of points whose values begin with first.
func batch(first int64) []byte {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("load")
	points := m.SetEmptyGauge().DataPoints()
	for i := range int64(pointsPerBatch) {
		dp := points.AppendEmpty()
		dp.SetIntValue(first + i)
		dp.Attributes().PutInt("n", i)
	}
	text, _ := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	return text
}

// sendBatches sends requests as a client without retries does, and returns the points that were accepted.
func sendBatches(t *testing.T, port string, from, n int) (accepted []int64) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if first := int64(i * pointsPerBatch); sendBatch(t, port, first) {
			for v := range int64(pointsPerBatch) {
				accepted = append(accepted, first+v)
			}
		}
	}
	return accepted
}

func sendBatch(t *testing.T, port string, first int64) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:"+port+"/v1/metrics", bytes.NewReader(batch(first)))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}

// storedIn reads the points that a queue left in a file storage, with the storage's own code.
func storedIn(t *testing.T, dir, exporter string) (values []int64) {
	t.Helper()
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = dir
	ext, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { assert.NoError(t, ext.Shutdown(t.Context())) }()
	client, err := ext.(storage.Extension).GetClient(t.Context(), component.KindExporter, component.MustNewID(exporter), "metrics")
	require.NoError(t, err)
	defer func() { assert.NoError(t, client.Close(t.Context())) }()
	err = client.(storage.Walker).Walk(t.Context(), func(key string, value []byte) ([]*storage.Operation, error) {
		if _, err := strconv.ParseUint(key, 10, 64); err != nil {
			return nil, nil //nolint:nilerr // what is not a number is the queue's state
		}
		_, md, err := xrequest.UnmarshalMetrics(value)
		if err == nil {
			values = append(values, valuesOf(md)...)
		}
		return nil, err
	})
	require.NoError(t, err)
	return values
}

// drainReport is what the tests read of a report: what stands in the file.
type drainReport struct {
	Outcome    string  `json:"outcome"`
	ExitCode   int     `json:"exit_code"`
	Reason     string  `json:"reason"`
	Seconds    float64 `json:"seconds"`
	Goroutines int     `json:"goroutines"`
	Phases     []struct {
		Name    string  `json:"name"`
		Seconds float64 `json:"seconds"`
	} `json:"phases"`
	Components []struct {
		Kind  string `json:"kind"`
		ID    string `json:"id"`
		State string `json:"state"`
	} `json:"components"`
	Points struct {
		Accepted  int64 `json:"accepted"`
		Refused   int64 `json:"refused"`
		Carried   int64 `json:"carried"`
		Copied    int64 `json:"copied"`
		Removed   int64 `json:"removed"`
		Delivered int64 `json:"delivered"`
		Stored    int64 `json:"stored"`
		Lost      int64 `json:"lost"`
	} `json:"points"`
}

func readReport(t *testing.T, file string) (r drainReport) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r), "what cannot be known would say so: %s", text)
	return r
}

func (r *drainReport) hung() (names []string) {
	for _, c := range r.Components {
		if c.State == "hung" {
			names = append(names, c.Kind+" "+c.ID)
		}
	}
	return names
}

// drainConfig is a configuration with one way in and one way out. Self-metrics are off: the books do not need them.
type drainConfig struct {
	p                                                    ports
	http                                                 string
	dir                                                  string
	backend                                              string
	receivers, receiverNames, processors, processorNames string
	queue, exporter, drain                               string
}

func newDrainConfig(t *testing.T, backend string) *drainConfig {
	t.Helper()
	return &drainConfig{
		p: newPorts(t), http: freePort(t), dir: t.TempDir(), backend: backend,
		receiverNames: "otlp", processors: "  streamer:", processorNames: "streamer",
		queue: "queue_size: 1000", exporter: "timeout: 20s",
	}
}

func (c *drainConfig) reportFile() string { return filepath.Join(c.dir, "report.json") }

func (c *drainConfig) yaml() string {
	return fmt.Sprintf(`
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:%s"}, http: {endpoint: "127.0.0.1:%s"}}}
%s
processors:
%s
exporters:
  otlp_http:
    endpoint: %q
    %s
    retry_on_failure: {initial_interval: 100ms, max_interval: 500ms}
    sending_queue: {%s}
extensions:
  drain: {endpoint: "127.0.0.1:%s", report_file: %q, %s}
  file_storage: {directory: %q, create_directory: true}
service:
  extensions: [drain, file_storage]
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [%s], processors: [%s], exporters: [otlp_http]}}
`, c.p.grpc, c.http, c.receivers, c.processors, c.backend, c.exporter, c.queue, c.p.drain, c.reportFile(), c.drain,
		filepath.Join(c.dir, "queue"), c.receiverNames, c.processorNames)
}

// launch starts the collector and waits until it is ready.
func (c *drainConfig) launch(t *testing.T) *sluice {
	t.Helper()
	s, _ := launchConfig(t, c.yaml())
	c.p.ready(t)
	return s
}

// oneLine asserts that the report is one line of the log.
func (s *sluice) oneLine() {
	s.t.Helper()
	assert.Equal(s.t, 1, strings.Count(s.log.String(), "points accepted"), "the report is one line")
}
