package drain

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/pipeline"
)

// What became of a component.
const (
	Running = "running" // the process ended before its turn
	Hung    = "hung"    // it did not stop in the time it had
	Failed  = "failed"  // it stopped with an error
	Stopped = "stopped"
)

// Component is how a component stopped.
type Component struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	// Pipelines are those of a processor, of which each pipeline has its own.
	Pipelines string  `json:"pipelines,omitempty"`
	State     string  `json:"state"`
	Seconds   float64 `json:"seconds"`
	Error     string  `json:"error,omitempty"`

	began time.Time
}

// Name is how messages call it.
func (c *Component) Name() string {
	name := c.Kind + " " + c.ID
	if c.Pipelines != "" {
		name += " of " + c.Pipelines
	}
	return name
}

// tracker times the stop of components from their status. It holds one entry for each component of a configuration.
type tracker struct {
	warn  func(component string, after time.Duration)
	limit time.Duration

	mu    sync.Mutex
	known map[*componentstatus.InstanceID]*tracked
}

type tracked struct {
	Component
	timer *time.Timer
}

func (t *tracker) observe(source *componentstatus.InstanceID, event *componentstatus.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.known[source]
	if c == nil {
		c = &tracked{Component: described(source)}
		if t.known == nil {
			t.known = map[*componentstatus.InstanceID]*tracked{}
		}
		t.known[source] = c
	}
	switch event.Status() {
	case componentstatus.StatusStopping:
		c.began = event.Timestamp()
		c.State = Hung // until it is heard of again
		t.arm(c)
	case componentstatus.StatusStopped:
		c.end(Stopped, event)
	case componentstatus.StatusPermanentError:
		if !c.began.IsZero() {
			c.end(stateOf(event.Err()), event)
		}
	default: // says nothing of a stop
	}
}

// arm has a component that is late warned of while it hangs.
func (t *tracker) arm(c *tracked) {
	if t.warn != nil && t.limit > 0 {
		name, after := c.Name(), t.limit
		c.timer = time.AfterFunc(after, func() { t.warn(name, after) })
	}
}

func (c *tracked) end(state string, event *componentstatus.Event) {
	c.State, c.Seconds = state, event.Timestamp().Sub(c.began).Seconds()
	if err := event.Err(); err != nil {
		c.Error = err.Error()
	}
	c.disarm()
}

func (c *tracked) disarm() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

func (t *tracker) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.known {
		c.disarm()
	}
}

func described(id *componentstatus.InstanceID) Component {
	c := Component{Kind: strings.ToLower(id.Kind().String()), ID: id.ComponentID().String(), State: Running}
	if id.Kind() == component.KindProcessor {
		var names []string
		id.AllPipelineIDs(func(p pipeline.ID) bool {
			names = append(names, p.String())
			return true
		})
		c.Pipelines = strings.Join(names, " ")
	}
	return c
}

// components are those known, in the order in which they began to stop, and then those that did not.
func (t *tracker) components(now time.Time) []Component {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]Component, 0, len(t.known))
	for _, c := range t.known {
		out = append(out, c.Component)
		if last := &out[len(out)-1]; last.State == Hung && last.Seconds == 0 {
			last.Seconds = now.Sub(last.began).Seconds()
		}
	}
	slices.SortFunc(out, func(a, b Component) int {
		return cmp.Or(byTime(a.began, b.began), cmp.Compare(a.Name(), b.Name()))
	})
	return out
}

// byTime puts what never was last.
func byTime(a, b time.Time) int {
	switch {
	case a.IsZero() == b.IsZero():
		return a.Compare(b)
	case a.IsZero():
		return 1
	default:
		return -1
	}
}
