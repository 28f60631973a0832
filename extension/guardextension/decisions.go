package guardextension

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// decisions count what became of requests: cheaply when it happens, with attributes only when somebody looks.
type decisions struct {
	classes []string
	counts  [protocols][reasons][]atomic.Int64 // by class
}

func newDecisions(classes []string) *decisions {
	d := &decisions{classes: classes}
	for p := range d.counts {
		for r := range d.counts[p] {
			d.counts[p][r] = make([]atomic.Int64, len(classes))
		}
	}
	return d
}

func (d *decisions) count(p protocol, r reason, class int) {
	d.counts[p][r][class-firstClass].Add(1)
}

// sum is how many requests became that, of whatever class.
func (d *decisions) sum(p protocol, r reason) (n int64) {
	for i := range d.counts[p][r] {
		n += d.counts[p][r][i].Load()
	}
	return n
}

// observe reports what happened at all; what was admitted is there from the start.
func (d *decisions) observe(_ context.Context, o metric.Int64Observer, side string, guard attribute.KeyValue) {
	for p := range d.counts {
		for r := range d.counts[p] {
			for c := range d.counts[p][r] {
				n := d.counts[p][r][c].Load()
				if n == 0 && (reason(r) != admitted || c > 0) {
					continue
				}
				o.Observe(n, metric.WithAttributes(guard,
					attribute.String("side", side), attribute.String("protocol", protocolNames[p]),
					attribute.String("decision", decision(reason(r))), attribute.String("reason", reason(r).String()),
					attribute.String("key_class", d.classes[c])))
			}
		}
	}
}

func decision(r reason) string {
	if r == admitted {
		return "admitted"
	}
	return "refused"
}
