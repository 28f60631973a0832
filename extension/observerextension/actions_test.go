package observerextension

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
)

// backend takes requests and answers as it is told.
type backend struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	events   []event.Event
	answers  []int
	header   http.Header
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{header: http.Header{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		b.requests = append(b.requests, r)
		b.bodies = append(b.bodies, string(body))
		code := http.StatusOK
		if len(b.answers) > 0 {
			code, b.answers = b.answers[0], b.answers[1:]
		}
		if code == http.StatusOK && strings.HasPrefix(r.Header.Get("Content-Type"), "application/cloudevents") {
			b.decode(t, r, string(body))
		}
		maps.Copy(w.Header(), b.header)
		w.WriteHeader(code)
	}))
	t.Cleanup(b.Close)
	return b
}

// decode is done by the CloudEvents SDK, which refuses what does not conform.
func (b *backend) decode(t *testing.T, r *http.Request, body string) {
	t.Helper()
	r.Body = io.NopCloser(strings.NewReader(body))
	if strings.Contains(r.Header.Get("Content-Type"), "batch") {
		list, err := cehttp.NewEventsFromHTTPRequest(r)
		assert.NoError(t, err)
		b.events = append(b.events, list...)
		return
	}
	e, err := cehttp.NewEventFromHTTPRequest(r)
	if assert.NoError(t, err) {
		b.events = append(b.events, *e)
	}
}

func (b *backend) got() []event.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]event.Event(nil), b.events...)
}

func (b *backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.requests)
}

func TestWebhookSendsCloudEvents(t *testing.T) {
	b := newBackend(t)
	w := begin(t, `hooks: [{name: "to the shop", priority: high, on: [created, updated], debounce: 0s, webhook: {endpoint: "`+b.URL+`/in"}}]`)
	w.Publish(t.Context(), gauge("queue", 1, 0, "env", "prod"))
	w.Publish(t.Context(), gauge("queue", 2.5, 1, "env", "prod"))
	eventually(t, func() bool { return len(b.got()) == 2 }, "two events")
	e := b.got()[1]
	require.NoError(t, e.Validate())
	assert.Equal(t, "1.0", e.SpecVersion())
	assert.Equal(t, "/sluice/observer/to%20the%20shop", e.Source())
	assert.Equal(t, "io.github.sluice-metrics.metric.updated", e.Type())
	assert.Equal(t, "queue", e.Subject())
	assert.Equal(t, begun.Add(time.Second), e.Time())
	assert.Equal(t, "00000000000000000002", e.Extensions()["sequence"])
	assert.NotEqual(t, b.got()[0].ID(), e.ID())
	assert.JSONEq(t, `{
		"hook": "to the shop", "priority": "high", "sequence": 2, "kind": "updated",
		"metric": {"name": "queue", "type": "gauge", "unit": "{jobs}", "description": "Jobs that wait."},
		"resource": {"attributes": {"service.name": "shop"}}, "scope": {"name": "lib"}, "attributes": {"env": "prod"},
		"old": {"value": 1, "time": "2026-01-02T03:04:05Z"}, "new": {"value": 2.5, "time": "2026-01-02T03:04:06Z"}
	}`, string(e.Data()))
	assert.Equal(t, "/in", b.requests[0].URL.Path)
}

func TestWebhookSendsBatches(t *testing.T) {
	b := newBackend(t)
	w := begin(t, `hooks: [{name: h, on: [created], debounce: 0s, batch: {flush_threshold: 3, flush_interval: 1h}, webhook: {endpoint: "`+b.URL+`"}}]`)
	for i := range 4 {
		w.Publish(t.Context(), gauge(fmt.Sprintf("m%d", i), 1, 0))
	}
	eventually(t, func() bool { return len(b.got()) == 3 }, "a batch")
	assert.Equal(t, 1, b.count())
	w.end(t)
	assert.Len(t, b.got(), 4, "the rest goes out at the end")
}

func TestWebhookRetriesWhatMayHelp(t *testing.T) {
	b := newBackend(t)
	b.answers = []int{503, 500, 400, 200}
	b.header.Set("Retry-After", "1")
	w := begin(t, `hooks: [{name: h, on: [created], debounce: 0s, on_error: retry, circuit_breaker: {enabled: false}, retry: {initial_interval: 1ms, max_interval: 2ms}, webhook: {endpoint: "`+b.URL+`"}}]`)
	began := time.Now()
	w.Publish(t.Context(), gauge("a", 1, 0))
	eventually(t, func() bool { return b.count() == 3 }, "two retries")
	assert.GreaterOrEqual(t, time.Since(began), time.Second, "as long as the other side asks for")
	w.Publish(t.Context(), gauge("b", 1, 0))
	eventually(t, func() bool { return len(b.got()) == 1 }, "the next event")
	assert.Equal(t, "b", b.got()[0].Subject(), "the other one is refused for good")
	eventually(t, func() bool { return w.logs.FilterMessage("Hook failed; its events are dropped").Len() == 1 }, "it is logged")
}

func TestOpenBreakerIsAStatus(t *testing.T) {
	b := newBackend(t)
	b.answers = []int{500, 500}
	w := begin(t, `hooks: [{name: h, on: [created], debounce: 0s, circuit_breaker: {failure_threshold: 2, timeout: 10ms}, webhook: {endpoint: "`+b.URL+`"}}]`)
	for i := range 3 {
		w.Publish(t.Context(), gauge(fmt.Sprintf("m%d", i), 1, 0))
	}
	e := <-w.host.statuses
	assert.Equal(t, componentstatus.StatusRecoverableError, e.Status())
	require.ErrorContains(t, e.Err(), `hook "h": `+b.URL+` answered 500`)
	assert.Equal(t, componentstatus.StatusOK, (<-w.host.statuses).Status())
	eventually(t, func() bool { return len(b.got()) == 1 }, "what waited")
}

// sent are the alerts of the requests so far.
func (b *backend) sent(t *testing.T) [][]alert {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var all [][]alert
	for i, body := range b.bodies {
		assert.Equal(t, "/api/v2/alerts", b.requests[i].URL.Path)
		var list []alert
		require.NoError(t, json.Unmarshal([]byte(body), &list))
		all = append(all, list)
	}
	return all
}

func TestAlertsStartLastAndAreResolved(t *testing.T) {
	b := newBackend(t)
	w := begin(t, `hooks: [{name: LongQueue, priority: critical, threshold: {above: 10}, debounce: 0s, alertmanager: {endpoint: "`+b.URL+`/", labels: {team: shop}, resend_interval: 1s}}]`)
	w.Publish(t.Context(), gauge("queue", 11, 0, "k8s.pod", "p", "0", "digit"))
	eventually(t, func() bool { return b.count() >= 2 }, "sent, and sent again")
	w.Publish(t.Context(), gauge("queue", 9, 7, "k8s.pod", "p", "0", "digit"))
	eventually(t, func() bool {
		all := b.sent(t)
		return all[len(all)-1][0].EndsAt.Before(time.Now())
	}, "resolved")
	all := b.sent(t)
	first, again, last := all[0][0], all[1][0], all[len(all)-1][0]
	assert.Equal(t, map[string]string{
		"alertname": "LongQueue", "metric": "queue", "event": "threshold", "priority": "critical", "team": "shop",
		"service_name": "shop", "k8s_pod": "p", "_0": "digit",
	}, first.Labels)
	assert.Equal(t, map[string]string{"summary": "queue: threshold 10", "description": "Jobs that wait.", "value": "11"}, first.Annotations)
	assert.Equal(t, begun, first.StartsAt)
	assert.True(t, again.EndsAt.After(first.EndsAt), "it lasts")
	assert.Equal(t, first.Labels, last.Labels)
	assert.Equal(t, begun, last.StartsAt)
	assert.Equal(t, begun.Add(7*time.Second), last.EndsAt)
	n := b.count()
	time.Sleep(1200 * time.Millisecond)
	assert.Equal(t, n, b.count(), "what is resolved is not sent again")
}

func TestStreamServesEventsLive(t *testing.T) {
	w := begin(t, `hooks: [{name: live, on: [created, updated], stream: {endpoint: "127.0.0.1:0", max_clients: 2}}]`)
	url := "http://" + w.extension.(*observer).actions[0].action.(*stream).server.Addr().String() + "/events"
	all, stopAll := listen(t, url)
	some, stopSome := listen(t, url+"?kind=updated&metric=que.*&attribute.env=prod&resource.service.name=shop")
	defer stopAll()
	defer stopSome()

	res, err := http.Get(url) //nolint:noctx // a test
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode, "max_clients")
	require.NoError(t, res.Body.Close())
	res, err = http.Get(url + "?kind=born") //nolint:noctx // a test
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, res.StatusCode)
	require.NoError(t, res.Body.Close())

	w.Publish(t.Context(), gauge("queue", 1, 0, "env", "prod"))
	w.Publish(t.Context(), gauge("queue", 2, 1, "env", "prod"))
	w.Publish(t.Context(), gauge("other", 2, 1, "env", "prod"))
	w.Publish(t.Context(), gauge("queue", 3, 1, "env", "dev"))
	assert.Equal(t, []string{"1 created queue", "2 updated queue", "3 created other", "4 created queue"}, []string{<-all, <-all, <-all, <-all})
	assert.Equal(t, "2 updated queue", <-some)
	w.end(t) // clients are let go, in less time than the server's grace
	_, open := <-some
	assert.False(t, open)
}

// listen reads a stream of server-sent events.
func listen(t *testing.T, url string) (<-chan string, func()) {
	t.Helper()
	res, err := http.Get(url) //nolint:noctx,bodyclose // it is closed by what is returned
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		var id, kind string
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			key, value, _ := strings.Cut(s.Text(), ": ")
			switch key {
			case "id":
				id = value
			case "event":
				kind = value
			case "data":
				var e eventJSON
				assert.NoError(t, json.Unmarshal([]byte(value), &e))
				lines <- id + " " + kind + " " + e.Metric.Name
			}
		}
	}()
	return lines, func() { _ = res.Body.Close() }
}

// A client that does not read misses events, and nobody waits for it.
func TestSlowClientMissesEvents(t *testing.T) {
	w := begin(t, `hooks: [{name: live, on: [created], stream: {endpoint: "127.0.0.1:0", client_buffer: 3}}]`)
	s := w.extension.(*observer).actions[0].action.(*stream)
	r := s.join(filter{})
	for i := range 10 {
		w.Publish(t.Context(), gauge(fmt.Sprintf("m%d", i), 1, 0))
	}
	eventually(t, func() bool { return s.missed.Load() == 7 }, "seven are missed")
	for range 3 {
		<-r.lines
	}
	w.Publish(t.Context(), gauge("last", 1, 0))
	text := string(<-r.lines)
	assert.Contains(t, text, "event: missed\ndata: {\"events\": 7}\n\nid: 11\nevent: created\n")
	s.leave(r)
}

func TestLog(t *testing.T) {
	w := begin(t, `hooks: [{name: lines, on: [updated, threshold], threshold: {below: 1}, log: {level: warn}}]`)
	w.Publish(t.Context(), gauge("up", 1, 0))
	w.Publish(t.Context(), gauge("up", 0, 1))
	eventually(t, func() bool { return w.logs.Len() == 2 }, "two lines")
	entry := w.logs.FilterMessage("Metric threshold").All()[0]
	fields := entry.ContextMap()
	assert.Equal(t, "warn", entry.Level.String())
	assert.Equal(t, []any{"lines", "up", 1.0, 0.0, true}, []any{fields["hook"], fields["metric"], fields["old"], fields["new"], fields["firing"]})
	assert.Contains(t, fields, "resource_attributes")
	assert.NotContains(t, fields, "resource", "each line has one, of the collector itself")
}
