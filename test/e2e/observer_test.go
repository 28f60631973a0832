package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// observed takes OTLP over HTTP and tells the hooks of what a streamer lets through.
func observed(p ports, otlp, hooks string) string {
	return `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:` + otlp + `"}}}}
processors:
  streamer:
    observer: observer
    rules: [{name: dev, drop: ['datapoint.attributes["env"] == "dev"']}]
exporters: {nop: {}}
extensions:
  drain: {endpoint: "127.0.0.1:` + p.drain + `"}
  observer:
    hooks:
` + hooks + `
service:
  extensions: [observer, drain]
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ` + p.pull + `}}}}]}}
  pipelines: {metrics: {receivers: [otlp], processors: [streamer], exporters: [nop]}}
`
}

// value is a point of a gauge.
type value struct {
	metric string
	value  float64
	attrs  string // name=value
}

// sendValues sends gauges as of a time.
func sendValues(t *testing.T, port string, at time.Time, values ...value) {
	t.Helper()
	metrics := make([]string, 0, len(values))
	for _, v := range values {
		attrs := ""
		if name, text, ok := strings.Cut(v.attrs, "="); ok {
			attrs = fmt.Sprintf(`{"key": "%s", "value": {"stringValue": "%s"}}`, name, text)
		}
		metrics = append(metrics, fmt.Sprintf(`{"name": "%s", "gauge": {"dataPoints": [{"timeUnixNano": "%d", "asDouble": %g, "attributes": [%s]}]}}`,
			v.metric, at.UnixNano(), v.value, attrs))
	}
	file := filepath.Join(t.TempDir(), "values.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"resourceMetrics": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
  "scopeMetrics": [{"metrics": [`+strings.Join(metrics, ",")+`]}]}]}`), 0o600))
	post(t, "http://127.0.0.1:"+port+"/v1/metrics", file)
}

// installedAlertmanager runs that of the system, where there is one, and returns its URL.
func installedAlertmanager(t *testing.T) string {
	t.Helper()
	path := ""
	for _, name := range []string{"prometheus-alertmanager", "alertmanager"} { // as Debian calls it, and its authors
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no alertmanager binary on this machine")
	}
	dir, port := t.TempDir(), freePort(t)
	file := filepath.Join(dir, "alertmanager.yml")
	require.NoError(t, os.WriteFile(file, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600))
	am := exec.CommandContext(t.Context(), path, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:"+port, "--cluster.listen-address=")
	require.NoError(t, am.Start())
	t.Cleanup(func() {
		_ = am.Wait() // killed with the test's context
	})
	answered(t, "http://127.0.0.1:"+port+"/-/ready", http.StatusOK)
	return "http://127.0.0.1:" + port
}

// firing are the alerts of an Alertmanager that have not been resolved, by name and metric.
func firing(ctx context.Context, am string) (map[string]map[string]string, error) {
	page, err := fetch(ctx, am+"/api/v2/alerts?filter="+url.QueryEscape(`team="shop"`), http.StatusOK)
	if err != nil {
		return nil, err
	}
	var list []struct{ Labels map[string]string }
	if err := json.Unmarshal([]byte(page), &list); err != nil {
		return nil, err
	}
	byName := map[string]map[string]string{}
	for _, a := range list {
		byName[a.Labels["alertname"]] = a.Labels
	}
	return byName, nil
}

// TestAlertmanagerIsPagedAndResolved is the README's example: cardinality, up and a queue that stays long.
func TestAlertmanagerIsPagedAndResolved(t *testing.T) {
	am := installedAlertmanager(t)
	action := `, debounce: 0s, alertmanager: {endpoint: "` + am + `", labels: {team: shop}}}`
	p, otlp := newPorts(t), freePort(t)
	s, _ := launchConfig(t, observed(p, otlp, `
      - {name: CardinalityExplodes, priority: critical, cardinality: {above: 3, clear: 1}`+action+`
      - {name: TargetDown, priority: critical, match: {name: up}, threshold: {below: 1}`+action+`
      - {name: QueueStaysLong, priority: high, match: {name: queue_length}, threshold: {above: 1000, for: 30s}`+action))
	p.ready(t)
	now := time.Now().Add(-time.Minute)
	for i := range 4 {
		sendValues(t, otlp, now, value{"requests", 1, "user=" + strconv.Itoa(i)})
	}
	sendValues(t, otlp, now, value{"up", 1, ""}, value{"queue_length", 1500, "env=prod"}, value{"queue_length", 1500, "env=dev"})
	sendValues(t, otlp, now.Add(15*time.Second), value{"up", 0, ""}, value{"queue_length", 1600, "env=prod"})
	eventually(t, func() error { return alertsAre(t, am, "CardinalityExplodes", "TargetDown") })
	sendValues(t, otlp, now.Add(30*time.Second), value{"queue_length", 1700, "env=prod"}, value{"queue_length", 1700, "env=dev"})
	eventually(t, func() error { return alertsAre(t, am, "CardinalityExplodes", "TargetDown", "QueueStaysLong") })
	alerts, err := firing(t.Context(), am)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"alertname": "QueueStaysLong", "metric": "queue_length", "event": "threshold", "priority": "high", "team": "shop",
		"env": "prod", "service_name": "shop",
	}, alerts["QueueStaysLong"])
	sendValues(t, otlp, now.Add(45*time.Second), value{"up", 1, ""}, value{"queue_length", 900, "env=prod"})
	eventually(t, func() error { return alertsAre(t, am, "CardinalityExplodes") })
	s.stop()
}

// alertsAre returns an error unless those alerts are firing.
func alertsAre(t *testing.T, am string, names ...string) error {
	t.Helper()
	alerts, err := firing(t.Context(), am)
	if err != nil {
		return err
	}
	for _, name := range names {
		if alerts[name] == nil {
			return errors.New(name + " is not firing")
		}
	}
	if len(alerts) != len(names) {
		return fmt.Errorf("%v are firing", alerts)
	}
	return nil
}

// cloudSink decodes what a webhook gets by the CloudEvents SDK.
type cloudSink struct {
	*httptest.Server
	mu     sync.Mutex
	events []event.Event
	errs   []error
}

func newCloudSink(t *testing.T) *cloudSink {
	t.Helper()
	s := &cloudSink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		list, err := cehttp.NewEventsFromHTTPRequest(r)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, list...)
		s.errs = append(s.errs, err)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *cloudSink) all() []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]event.Event(nil), s.events...)
}

// TestWebhookAndStreamAreToldLive has one hook send batches of CloudEvents and one serve events to a client, and ends with
// what waited delivered.
func TestWebhookAndStreamAreToldLive(t *testing.T) {
	sink, stream := newCloudSink(t), freePort(t)
	p, otlp := newPorts(t), freePort(t)
	s, _ := launchConfig(t, observed(p, otlp, `
      - {name: changes, on: [created, updated], debounce: 0s, batch: {flush_threshold: 2, flush_interval: 1h}, webhook: {endpoint: "`+sink.URL+`"}}
      - {name: live, on: [updated], stream: {endpoint: "127.0.0.1:`+stream+`"}}`))
	p.ready(t)
	lines, stop := listen(t, "http://127.0.0.1:"+stream+"/events?metric=temperature")
	defer stop()
	now := time.Now()
	sendValues(t, otlp, now, value{"temperature", 20, "env=prod"}, value{"temperature", 20, "env=dev"})
	sendValues(t, otlp, now.Add(time.Second), value{"temperature", 21.5, "env=prod"}, value{"pressure", 1, ""})
	var live struct {
		Metric   struct{ Name string }
		Old, New struct{ Value float64 }
	}
	require.NoError(t, json.Unmarshal([]byte(<-lines), &live))
	assert.Equal(t, []any{"temperature", 20.0, 21.5}, []any{live.Metric.Name, live.Old.Value, live.New.Value})
	eventually(t, func() error {
		if n := len(sink.all()); n != 2 {
			return fmt.Errorf("%d events", n)
		}
		return nil
	})
	page := answered(t, "http://127.0.0.1:"+p.pull+"/metrics", http.StatusOK)
	assert.Contains(t, page, `otelcol_observer_events_published{hook="changes",observer="observer",priority="normal"} 3`)
	assert.Contains(t, page, `otelcol_observer_events_delivered{hook="live",observer="observer",priority="normal"} 1`)
	s.stop()
	events := sink.all()
	require.Len(t, events, 3, "what waited is delivered at the end")
	for i, kind := range []string{"created", "updated", "created"} {
		require.NoError(t, sink.errs[i/2])
		require.NoError(t, events[i].Validate())
		assert.Equal(t, "io.github.sluice-metrics.metric."+kind, events[i].Type())
	}
	assert.Equal(t, []string{"temperature", "temperature", "pressure"}, []string{events[0].Subject(), events[1].Subject(), events[2].Subject()})
}

// listen reads the data of server-sent events.
func listen(t *testing.T, url string) (<-chan string, func()) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	res, err := (&http.Client{Transport: client.Transport}).Do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	lines := make(chan string, 100)
	var reading sync.WaitGroup
	reading.Go(func() {
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
				lines <- data
			}
		}
	})
	return lines, func() {
		_ = res.Body.Close()
		reading.Wait()
	}
}
