package observerextension

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"
)

// alerts is the action alertmanager. An alert starts when a bound is crossed, is sent again for as long as it lasts, and is
// resolved when the value is back or the series is gone. If Sluice stops, it lapses. Other events are alerts that end by
// themselves.
type alerts struct {
	client
	cfg    *AlertmanagerConfig
	hook   *HookConfig
	logger *zap.Logger
	url    string

	// sending is held while alerts are gathered and sent: one that is sent again must not overtake its end. It is held for the
	// hook's timeout at most.
	sending sync.Mutex

	mu     sync.Mutex
	active map[string]alert
	cancel context.CancelFunc
	resend sync.WaitGroup
}

// alert is one as API v2 has it.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

func newAlerts(cfg *HookConfig, tel component.TelemetrySettings) action {
	a := cfg.Alertmanager.Get()
	return &alerts{
		client: client{cfg: &a.ClientConfig, tel: tel}, cfg: a, hook: cfg, logger: tel.Logger, active: map[string]alert{},
		url: strings.TrimSuffix(a.ClientConfig.Endpoint, "/") + "/api/v2/alerts", cancel: func() {},
	}
}

func (a *alerts) start(ctx context.Context, host component.Host) error {
	if err := a.client.start(ctx, host); err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	a.resend.Go(func() { a.keepAlive(background) })
	return nil
}

func (a *alerts) stop(context.Context) error {
	a.cancel()
	a.resend.Wait()
	a.client.stop()
	return nil
}

func (a *alerts) deliver(ctx context.Context, events []Event) error {
	a.sending.Lock()
	defer a.sending.Unlock()
	list := make([]alert, 0, len(events))
	for i := range events {
		list = append(list, a.alert(&events[i], time.Now()))
	}
	return a.send(ctx, list)
}

func (a *alerts) send(ctx context.Context, list []alert) error {
	body, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("alerts cannot be written as JSON: %w", err)
	}
	return a.post(ctx, a.url, "application/json", body)
}

// lapses is how many times an alert may fail to be sent again.
const lapses = 3

// alert is what an event starts or ends. What goes on is remembered even if it cannot be delivered now.
func (a *alerts) alert(e *Event, now time.Time) alert {
	at := timeOf(e).AsTime()
	n := alert{Labels: a.labels(e), Annotations: a.annotations(e), StartsAt: at, EndsAt: now.Add(a.cfg.ResolveAfter)}
	if k := e.Metric.Kind; k != thresholdKind && k != cardinalityKind {
		return n
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key := keyOf(n.Labels)
	before, known := a.active[key]
	if known {
		n.StartsAt = before.StartsAt
	}
	if !e.Metric.Firing {
		delete(a.active, key)
		n.EndsAt = latest(at, n.StartsAt)
		if !known { // Alertmanager wants an alert to end after it has started
			n.StartsAt = n.EndsAt.Add(-time.Millisecond)
		}
		return n
	}
	n.EndsAt = now.Add(lapses * a.cfg.ResendInterval)
	if known || len(a.active) < a.cfg.MaxAlerts {
		a.active[key] = n
	} else {
		a.logger.Warn("max_alerts: alert is not sent again and lapses", zap.String("hook", a.hook.Name), zap.Any("labels", n.Labels))
	}
	return n
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func keyOf(labels map[string]string) string {
	text, _ := json.Marshal(labels) // sorts them, and cannot fail
	return string(text)
}

// keepAlive sends alerts that last again.
func (a *alerts) keepAlive(ctx context.Context) {
	ticker := time.NewTicker(a.cfg.ResendInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			a.sendAgain(ctx, now)
		}
	}
}

func (a *alerts) sendAgain(ctx context.Context, now time.Time) {
	a.sending.Lock()
	defer a.sending.Unlock()
	list := a.lasting(now)
	if len(list) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, a.hook.Timeout)
	defer cancel()
	if err := a.send(ctx, list); err != nil && ctx.Err() == nil {
		a.logger.Warn("Alerts could not be sent again", zap.String("hook", a.hook.Name), zap.Int("alerts", len(list)), zap.Error(err))
	}
}

func (a *alerts) lasting(now time.Time) []alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]alert, 0, len(a.active))
	for key, n := range a.active {
		n.EndsAt = now.Add(lapses * a.cfg.ResendInterval)
		a.active[key] = n
		list = append(list, n)
	}
	return list
}

// len is how many alerts last.
func (a *alerts) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.active)
}

// labels are the same when an alert starts and when it ends: they say which series and hook, and nothing of values.
func (a *alerts) labels(e *Event) map[string]string {
	labels := map[string]string{}
	add := func(set attribute.Set) {
		for i := set.Iter(); i.Next(); {
			kv := i.Attribute()
			if text := kv.Value.String(); text != "" {
				labels[asLabel(string(kv.Key))] = text
			}
		}
	}
	add(e.Metric.Resource.Attributes)
	add(e.Metric.Attributes)
	labels["alertname"], labels["metric"] = a.hook.Name, e.Metric.Name
	labels["event"], labels["priority"] = e.Metric.Kind.String(), a.hook.Priority.String()
	maps.Copy(labels, a.cfg.Labels)
	return labels
}

// asLabel replaces what versions of Alertmanager before 0.27 do not take.
func asLabel(name string) string {
	text := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		default:
			return '_'
		}
	}, name)
	if text == "" || text[0] >= '0' && text[0] <= '9' {
		return "_" + text
	}
	return text
}

func (a *alerts) annotations(e *Event) map[string]string {
	m := map[string]string{"summary": e.Metric.Name + ": " + e.Metric.Kind.String()}
	if e.Metric.Kind == thresholdKind || e.Metric.Kind == cardinalityKind {
		m["summary"] = e.Metric.Name + ": " + e.Metric.Kind.String() + " " + floatText(e.Metric.Bound)
	}
	if e.New.Exists() {
		m["value"] = floatText(e.New.Float())
	}
	if e.Metric.Description != "" {
		m["description"] = e.Metric.Description
	}
	maps.Copy(m, a.cfg.Annotations)
	return m
}

func floatText(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
