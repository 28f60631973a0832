package promotlp

import (
	"net"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// origin is what tells resources of a target apart: a page of a federation has many.
type origin struct{ job, instance string }

// resource is a resource of the target.
type resource struct {
	origin
	attributes []otlp.Pair
	scopes     map[string]*scope

	// page is the last one it was on; then shown are its scopes.
	page  uint32
	shown []*scope
	// info is what target_info said last, on the page infoPage.
	info     []otlp.Pair
	infoPage uint32
}

// origin returns what a series says of its origin; the target's own job and instance fill in.
func (t *Target) origin(lset labels.Labels) origin {
	return origin{
		job:      first(lset.Get(model.JobLabel), t.Labels.Get(model.JobLabel)),
		instance: first(lset.Get(model.InstanceLabel), t.Labels.Get(model.InstanceLabel)),
	}
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// resource finds a resource, or adds it.
func (t *tree) resource(target *Target, o origin) *resource {
	r := t.resources[o]
	if r == nil {
		o = origin{strings.Clone(o.job), strings.Clone(o.instance)}
		r = &resource{origin: o, attributes: target.attributes(o), scopes: map[string]*scope{}}
		t.resources[o] = r
	}
	return r
}

// attributes are those of a resource. The address is that of the URL; another instance than the target's own has come
// from it, as in a federation, and is known by its name only.
func (t *Target) attributes(o origin) []otlp.Pair {
	address := t.URL.Host
	if o.instance != t.Labels.Get(model.InstanceLabel) {
		address = o.instance
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	pairs := []otlp.Pair{{Key: "service.name", Value: o.job}, {Key: "service.instance.id", Value: o.instance}}
	if host != "" {
		pairs = append(pairs, otlp.Pair{Key: "server.address", Value: host})
	}
	if port != "" {
		pairs = append(pairs, otlp.Pair{Key: "server.port", Value: port})
	}
	pairs = append(pairs, otlp.Pair{Key: "url.scheme", Value: t.URL.Scheme})
	return append(pairs, kubernetes(t.Discovered)...)
}

// setInfo takes over what target_info says, one of perhaps several of the page.
func (r *resource) setInfo(lset labels.Labels, page uint32) {
	if r.infoPage != page {
		r.info, r.infoPage = r.info[:0], page
	}
	lset.Range(func(l labels.Label) {
		switch l.Name {
		case model.MetricNameLabel, model.JobLabel, model.InstanceLabel:
		default:
			r.info = append(r.info, otlp.Pair{Key: l.Name, Value: l.Value})
		}
	})
}

// fill writes the attributes. What target_info says goes before all but the identity.
func (r *resource) fill(m pcommon.Map) {
	m.EnsureCapacity(len(r.attributes) + len(r.info))
	for _, p := range r.attributes {
		m.PutStr(p.Key, p.Value)
	}
	for _, p := range r.info {
		if p.Key != "service.name" && p.Key != "service.instance.id" {
			m.PutStr(p.Key, p.Value)
		}
	}
}
