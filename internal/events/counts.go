package events

import (
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"

	"github.com/sluice-metrics/sluice/internal/series"
)

// counts are the numbers of series by metric that a hook matches, whatever their resources and scopes. There are no more of
// them than series in memory.
type counts struct {
	bound *Bound
	mu    sync.Mutex
	names map[string]*count
}

type count struct {
	n     int
	state state
}

// add counts one more series, or one less, and returns an event if that crosses the bound.
func (c *counts) add(name string, d *Descriptor, n int, at pcommon.Timestamp) (Event, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.names[name]
	if k == nil {
		k = &count{}
		c.names[strings.Clone(name)] = k
	}
	before := k.n
	k.n += n
	if k.n <= 0 {
		delete(c.names, name)
	}
	if !k.state.step(c.bound, float64(k.n), at) {
		return Event{}, false
	}
	return Event{
		Metric: Metric{
			Series: metricSeries(&Resource{}, &Scope{}, strings.Clone(name), d), Kind: Cardinality, Firing: k.state.phase == firing, Bound: c.bound.Limit,
		},
		Old: IntSample(at, int64(before)), New: IntSample(at, int64(k.n)),
	}, true
}

// metricSeries stands for all series of a metric.
func metricSeries(r *Resource, sc *Scope, name string, d *Descriptor) *Series {
	return &Series{
		Resource: r, Scope: sc, Name: name, Descriptor: d, Attributes: *attribute.EmptySet(),
		id: series.FingerprintOf([]byte("metric " + name)),
	}
}
