package pushgroup

import (
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	job              = "job"
	serviceName      = "service.name"
	serviceNamespace = "service.namespace"
)

// maxPath bounds the path of a group: servers refuse URLs not much longer.
const maxPath = 4 << 10

// Rule says where one label of a group comes from.
type Rule struct {
	// Label is its name.
	Label string
	// Value is what it is for all groups; if it is empty, Attribute is the key of the resource attribute that tells, and
	// Default what it is without that. A label without a value is left out.
	Value, Attribute, Default string
}

// value of the job has the namespace of a service before its name, as the specification demands.
func (r *Rule) value(attrs pcommon.Map) string {
	if r.Value != "" {
		return r.Value
	}
	value := textOf(attrs, r.Attribute)
	if value == "" {
		return r.Default
	}
	if r.Label == job && r.Attribute == serviceName {
		if namespace := textOf(attrs, serviceNamespace); namespace != "" {
			return namespace + "/" + value
		}
	}
	return value
}

func textOf(attrs pcommon.Map, key string) string {
	if value, ok := attrs.Get(key); ok {
		return value.AsString()
	}
	return ""
}

// identity is who a group is.
type identity struct {
	// values are those of the labels, in the order of their rules; path is that on the gateway, different for each identity.
	values []string
	path   []byte
}

// read takes the identity from a resource, or tells why it cannot have a group.
func (id *identity) read(rules []Rule, attrs pcommon.Map) Reason {
	id.values = id.values[:0]
	id.path = append(id.path[:0], "/metrics"...)
	for i := range rules {
		value := rules[i].value(attrs)
		id.values = append(id.values, value)
		switch {
		case value == "" && rules[i].Label == job:
			return ReasonMissingJob
		case value == "":
			continue
		case !utf8.ValidString(value):
			return ReasonInvalidUTF8
		}
		if len(id.path)+len(value) > maxPath {
			return ReasonTooLong
		}
		id.path = appendSegments(id.path, rules[i].Label, value)
	}
	return ""
}

// labels are those with a value.
func (id *identity) labels(rules []Rule) map[string]string {
	labels := make(map[string]string, len(rules))
	for i, value := range id.values {
		if value != "" {
			labels[rules[i].Label] = value
		}
	}
	return labels
}

func labelNames(rules []Rule) []string {
	names := make([]string, len(rules))
	for i := range rules {
		names[i] = rules[i].Label
	}
	return names
}

// pathName is how a path spells the name of a label.
func pathName(name string) string {
	if model.LegacyValidation.IsValidLabelName(name) {
		return name
	}
	return model.EscapeName(name, model.ValueEncodingEscaping)
}
