package observerextension

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/sluice-metrics/sluice/internal/events"
)

// filter is what a client of a stream wants, as its query says: kind (several are one or the other), metric (a regular
// expression for the whole name), attribute.KEY and resource.KEY (a value each).
type filter struct {
	kinds                events.Kinds
	metric               *regexp.Regexp
	attributes, resource map[attribute.Key]string
}

func newFilter(query url.Values) (filter, error) {
	f := filter{attributes: map[attribute.Key]string{}, resource: map[attribute.Key]string{}}
	for key, values := range query {
		if err := f.add(key, values); err != nil {
			return f, fmt.Errorf("%s: %w", key, err)
		}
	}
	return f, nil
}

func (f *filter) add(key string, values []string) (err error) {
	attr, isAttribute := strings.CutPrefix(key, "attribute.")
	res, isResource := strings.CutPrefix(key, "resource.")
	switch {
	case key == "kind":
		return f.addKinds(values)
	case len(values) != 1:
		return fmt.Errorf("must be given once, not %d times", len(values))
	case key == "metric":
		f.metric, err = regexp.Compile("^(?s:" + values[0] + ")$")
		return err
	case isAttribute:
		f.attributes[attribute.Key(attr)] = values[0]
	case isResource:
		f.resource[attribute.Key(res)] = values[0]
	default:
		return errors.New("must be kind, metric, attribute.KEY or resource.KEY")
	}
	return nil
}

func (f *filter) addKinds(values []string) error {
	for _, list := range values {
		for name := range strings.SplitSeq(list, ",") {
			var k Kind
			if err := k.UnmarshalText([]byte(name)); err != nil {
				return err
			}
			f.kinds |= events.KindsOf(k)
		}
	}
	return nil
}

func (f *filter) wants(e *Event) bool {
	m := &e.Metric
	return (f.kinds == 0 || f.kinds.Has(m.Kind)) &&
		(f.metric == nil || f.metric.MatchString(m.Name)) &&
		have(m.Attributes, f.attributes) && have(m.Resource.Attributes, f.resource)
}

func have(set attribute.Set, want map[attribute.Key]string) bool {
	for key, text := range want {
		if v, ok := set.Value(key); !ok || v.String() != text {
			return false
		}
	}
	return true
}
