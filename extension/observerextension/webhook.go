package observerextension

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// What CloudEvents 1.0 calls its JSON, one event or several.
const (
	cloudEventType      = "application/cloudevents+json"
	cloudEventBatchType = "application/cloudevents-batch+json"
	// eventTypePrefix goes before the kind of event.
	eventTypePrefix = "io.github.sluice-metrics.metric."
)

// cloudEvent is one in the structured mode. sequence is the extension of that name.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            string    `json:"time"`
	Sequence        string    `json:"sequence"`
	DataContentType string    `json:"datacontenttype"`
	Data            eventJSON `json:"data"`
}

// webhook is the action of that name.
type webhook struct {
	client
	hook     string
	priority Priority
	source   string
	batches  bool
	// run makes IDs unique across restarts.
	run string
}

func newWebhook(cfg *HookConfig, tel component.TelemetrySettings) action {
	w := cfg.Webhook.Get()
	run := make([]byte, 8)
	_, _ = rand.Read(run) // never fails
	return &webhook{
		client: client{cfg: &w.ClientConfig, tel: tel}, hook: cfg.Name, priority: cfg.Priority, batches: cfg.Batch.FlushThreshold > 0,
		source: cmp.Or(w.Source, "/sluice/observer/"+url.PathEscape(cfg.Name)), run: hex.EncodeToString(run),
	}
}

func (w *webhook) stop(context.Context) error {
	w.client.stop()
	return nil
}

func (w *webhook) deliver(ctx context.Context, events []Event) error {
	list := make([]cloudEvent, 0, len(events))
	for i := range events {
		list = append(list, w.event(&events[i]))
	}
	if w.batches {
		return w.send(ctx, cloudEventBatchType, list)
	}
	return w.send(ctx, cloudEventType, list[0])
}

func (w *webhook) send(ctx context.Context, contentType string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("an event cannot be written as JSON: %w", err)
	}
	return w.post(ctx, w.cfg.Endpoint, contentType, body)
}

func (w *webhook) event(e *Event) cloudEvent {
	return cloudEvent{
		SpecVersion: "1.0", ID: w.run + "-" + strconv.FormatUint(e.Metric.Sequence, 10), Source: w.source,
		Type: eventTypePrefix + e.Metric.Kind.String(), Subject: e.Metric.Name, Time: timeText(timeOf(e)),
		Sequence: fmt.Sprintf("%020d", e.Metric.Sequence), DataContentType: "application/json", Data: newEventJSON(w.hook, w.priority, e),
	}
}

// timeOf is that of the value, or now where there is none.
func timeOf(e *Event) pcommon.Timestamp {
	if e.New.Timestamp != 0 {
		return e.New.Timestamp
	}
	return pcommon.NewTimestampFromTime(time.Now())
}
