package pushgroup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"pgregory.net/rapid"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/limiter"
	"github.com/sluice-metrics/sluice/internal/pushgatewaytest"
)

// history is what happens to an engine and a gateway, drawn beforehand: rapid cannot draw inside a bubble.
type history struct {
	expires, breaker, limited bool
	steps                     []step
}

type step struct {
	action  string
	service string
	value   int
	metrics []string
	stale   bool
	wait    time.Duration
}

// faults are the ways in which the gateway fails. A lost answer is one to a request that was carried out.
var faults = map[string]func(*pushgatewaytest.Gateway) fault{
	"500":     func(*pushgatewaytest.Gateway) fault { return answer(500) },
	"429":     func(*pushgatewaytest.Gateway) fault { return answer(429, "Retry-After", "7") },
	"network": func(*pushgatewaytest.Gateway) fault { return noAnswer(errors.New("gone")) },
	"lost": func(g *pushgatewaytest.Gateway) fault {
		return func(req *http.Request) (*reply, error) {
			resp, err := g.RoundTrip(req)
			if err == nil {
				err = errors.Join(errors.New("connection reset"), resp.Body.Close())
			}
			return nil, err
		}
	},
	"slow": func(*pushgatewaytest.Gateway) fault {
		return func(*http.Request) (*reply, error) {
			time.Sleep(20 * time.Second)
			return nil, nil
		}
	},
}

func drawHistory(rt *rapid.T) history {
	h := history{
		expires: rapid.Bool().Draw(rt, "expires"), breaker: rapid.Bool().Draw(rt, "breaker"), limited: rapid.Bool().Draw(rt, "limited"),
	}
	actions := []string{"add", "add", "add", "add", "fault", "heal", "forget", "restart", "settle"}
	if !h.expires { // families that are refused may rest for longer than others live
		actions = append(actions, "foreign", "foreign_gone")
	}
	for range rapid.IntRange(1, 40).Draw(rt, "steps") {
		s := step{
			action:  rapid.SampledFrom(actions).Draw(rt, "action"),
			service: rapid.SampledFrom([]string{"a", "b/c", "..", "d"}).Draw(rt, "service"),
			value:   rapid.IntRange(0, 1000).Draw(rt, "value"),
			metrics: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"u", "v", "w", "x", "y", "z"}), 1, 4, rapid.ID).Draw(rt, "metrics"),
			stale:   rapid.IntRange(0, 4).Draw(rt, "stale") == 0,
			wait:    time.Duration(rapid.IntRange(0, 40).Draw(rt, "wait")) * time.Second,
		}
		if s.action == "fault" {
			s.service = rapid.SampledFrom([]string{"500", "429", "network", "lost", "slow"}).Draw(rt, "fault")
		}
		h.steps = append(h.steps, s)
	}
	return h
}

const modelExpiration = 10 * time.Minute

// ledger is what the gateway is to hold in the end.
type ledger struct {
	*world
	opts Options
	// groups has for each service the series it has, orphans those of earlier engines that nobody pushes any more.
	groups, orphans map[string]map[string]modelSeries
	foreign         bool
}

type modelSeries struct {
	value   int
	updated time.Time
}

func (h *history) options() Options {
	opts := standard()
	opts.Probe = 10 * time.Second
	if h.expires {
		opts.Store.Expiration = modelExpiration
	}
	if h.breaker {
		opts.Breaker = &breaker.Config{Threshold: 2, Timeout: 5 * time.Second, MaxTimeout: 20 * time.Second, Probes: 1}
	}
	if h.limited {
		opts.Rate = limiter.Rate{PerSecond: 1, Burst: 2}
	}
	return opts
}

// run lives through a history and returns what is wrong with the gateway then.
func (h *history) run(t *testing.T) (err error) {
	t.Helper()
	m := &ledger{opts: h.options(), groups: map[string]map[string]modelSeries{}, orphans: map[string]map[string]modelSeries{}}
	m.world = newWorld(t, func(o *Options) { *o = m.opts })
	defer func() {
		_ = m.engine.Shutdown(t.Context())
		m.close()
	}()
	for _, s := range append(h.steps, step{action: "settle"}) {
		if err := m.step(t, s); err != nil {
			return err
		}
		time.Sleep(s.wait)
	}
	return nil
}

func (m *ledger) step(t *testing.T, s step) error {
	t.Helper()
	switch s.action {
	case "add":
		m.add(s)
	case "fault":
		m.fail(faults[s.service](m.gateway))
	case "heal":
		m.fail(nil)
	case "forget": // the gateway is down, and up again without its groups
		m.fail(noAnswer(errors.New("connection refused")))
		time.Sleep(30 * time.Second)
		m.restart()
		m.fail(nil)
		clear(m.orphans)
		m.foreign = false
	case "restart":
		return m.restartEngine(t)
	case "foreign": // somebody else pushes one of our names as another type
		m.foreign = m.push("# TYPE w counter\nw 1\n") == http.StatusOK || m.foreign
	case "foreign_gone":
		m.foreign = m.foreign && m.push("# TYPE other gauge\nother 1\n") != http.StatusOK
	case "settle":
		return m.settle()
	}
	return nil
}

func (m *ledger) push(text string) int {
	resp, err := m.gateway.RoundTrip(mustRequest(http.MethodPut, "/metrics/job/foreign", text))
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (m *ledger) add(s step) {
	now := time.Now()
	var values []any
	g := m.groups[s.service]
	switch {
	case g == nil && s.stale: // it leaves alone what it has not pushed
		g = map[string]modelSeries{}
	case g == nil:
		g = map[string]modelSeries{}
		m.groups[s.service] = g
		delete(m.orphans, s.service)
	}
	for _, name := range s.metrics {
		if s.stale {
			values = append(values, name, nil)
			delete(g, name)
			continue
		}
		values = append(values, name, s.value)
		g[name] = modelSeries{s.value, now}
	}
	md := batch(s.service, "", values...)
	for _, metric := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		metric.Gauge().DataPoints().At(0).SetTimestamp(pcommon.NewTimestampFromTime(now))
	}
	m.engine.Add(md)
}

// restartEngine stops the engine, with its last state pushed, and begins anew without any.
func (m *ledger) restartEngine(t *testing.T) error {
	t.Helper()
	m.fail(nil)
	if err := m.settle(); err != nil {
		return err
	}
	if err := m.engine.Shutdown(t.Context()); err != nil {
		return err
	}
	page, err := m.gateway.Read(pushgatewaytest.Text)
	if err != nil {
		return err
	}
	for service, g := range m.groups {
		for name := range g { // settle has compared them but for those about to expire
			if _, there := page.Values[seriesOfModel(service, name)]; !there {
				delete(g, name)
			}
		}
		if len(g) > 0 {
			m.orphans[service] = g
		}
	}
	m.groups = map[string]map[string]modelSeries{}
	m.engine = New(m.opts, m.world)
	m.engine.Start(context.Background(), &http.Client{Transport: m.world})
	return nil
}

// settle lets everything come right and compares.
func (m *ledger) settle() error {
	m.fail(nil)
	if m.foreign {
		m.push("# TYPE other gauge\nother 1\n")
		m.foreign = false
	}
	wait := 3 * time.Minute
	if m.opts.Store.Expiration == 0 {
		wait = 150 * time.Minute
	}
	time.Sleep(wait)
	synctest.Wait()
	page, err := m.gateway.Read(pushgatewaytest.Text)
	if err != nil {
		return err
	}
	want, maybe := m.want()
	for series, value := range page.Values {
		if strings.Contains(series, `job="foreign"`) {
			continue
		}
		if maybe[series] {
			delete(want, series)
			continue
		}
		if expected, ok := want[series]; !ok || expected != value {
			return fmt.Errorf("gateway has %s = %v, want %v (%v); asked: %v", series, value, expected, ok, m.last())
		}
		delete(want, series)
	}
	for series := range want {
		if !maybe[series] {
			return fmt.Errorf("gateway lacks %s = %v; asked: %v", series, want[series], m.last())
		}
	}
	return nil
}

// last are the last requests for groups: probes would hide them.
func (m *ledger) last() []string {
	asked := slices.DeleteFunc(m.asked(), func(request string) bool { return request == "GET /-/ready" })
	return asked[max(0, len(asked)-20):]
}

// want also returns the series that may have expired or not.
func (m *ledger) want() (want map[string]float64, maybe map[string]bool) {
	want, maybe = map[string]float64{}, map[string]bool{}
	for service, g := range m.groups {
		for name, s := range g {
			series := seriesOfModel(service, name)
			age := time.Since(s.updated)
			if m.opts.Store.Expiration > 0 && age >= m.opts.Store.Expiration {
				if age < m.opts.Store.Expiration+3*time.Minute {
					maybe[series] = true
					continue
				}
				delete(g, name)
				continue
			}
			want[series] = float64(s.value)
		}
	}
	for service, g := range m.orphans {
		for name, s := range g {
			want[seriesOfModel(service, name)] = float64(s.value)
		}
	}
	return want, maybe
}

func seriesOfModel(service, name string) string {
	return fmt.Sprintf(`{__name__=%q, instance="", job=%q}`, name, service)
}

// TestGatewayHoldsTheLatestState: whatever happens in between, once the gateway works again it holds the latest state of
// every group, and nothing of those that ended.
func TestGatewayHoldsTheLatestState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		var fault error
		synctest.Test(t, func(t *testing.T) { fault = h.run(t) })
		if fault != nil {
			rt.Fatalf("%v\n%s", fault, h.String())
		}
	})
}

func (h *history) String() string {
	lines := []string{fmt.Sprintf("expires %v, breaker %v, limited %v", h.expires, h.breaker, h.limited)}
	for _, s := range h.steps {
		lines = append(lines, fmt.Sprintf("%s %s %v = %d stale %v, then %v", s.action, s.service, s.metrics, s.value, s.stale, s.wait))
	}
	return strings.Join(slices.Clip(lines), "\n")
}
