package promotlp

import (
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// scope is an instrumentation scope of a resource.
type scope struct {
	resource              *resource
	key                   string
	name, version, schema string
	attributes            []otlp.Pair
	metrics               map[metricKey]*metric

	// page is the last one it was on; then shown are its metrics.
	page  uint32
	shown []*metric
}

const scopePrefix = "otel_scope_"

func isScopeLabel(name string) bool { return strings.HasPrefix(name, scopePrefix) }

// scope finds the scope that the labels of a series name, or adds it. Without such labels it is the scraper's own.
func (t *tree) scope(r *resource, lset labels.Labels, target *Target) *scope {
	key := scopeKey(lset)
	s := r.scopes[key]
	if s == nil {
		s = &scope{resource: r, key: key, metrics: map[metricKey]*metric{}}
		s.take(lset, target)
		r.scopes[key] = s
	}
	return s
}

func scopeKey(lset labels.Labels) string {
	var b []byte
	lset.Range(func(l labels.Label) {
		if isScopeLabel(l.Name) {
			b = append(append(append(append(b, l.Name...), 0xff), l.Value...), 0xff)
		}
	})
	return string(b)
}

func (s *scope) take(lset labels.Labels, target *Target) {
	if s.key == "" {
		s.name, s.version = target.Scope, target.Version
		return
	}
	lset.Range(func(l labels.Label) {
		name, ok := strings.CutPrefix(l.Name, scopePrefix)
		switch {
		case !ok:
		case name == "name":
			s.name = strings.Clone(l.Value)
		case name == "version":
			s.version = strings.Clone(l.Value)
		case name == "schema_url":
			s.schema = strings.Clone(l.Value)
		default:
			s.attributes = append(s.attributes, otlp.Pair{Key: strings.Clone(name), Value: strings.Clone(l.Value)})
		}
	})
}

func (s *scope) fill(sm pmetric.ScopeMetrics) {
	sm.SetSchemaUrl(s.schema)
	sm.Scope().SetName(s.name)
	sm.Scope().SetVersion(s.version)
	for _, p := range s.attributes {
		sm.Scope().Attributes().PutStr(p.Key, p.Value)
	}
}
