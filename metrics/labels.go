package metrics

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/prometheus/otlptranslator"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
)

// Labels are those that all series of an instrument have, with their values. Names are OTel attributes' names; Prometheus
// gets them with an underscore for what it does not allow.
type Labels map[string]string

// overflowAttribute marks, with the value true, the series that takes what the limit leaves out.
const overflowAttribute = "otel.metric.overflow"

// label is a label of one series.
type label struct {
	name, prometheus, value string
}

func byPrometheusName(a, b label) int { return cmp.Compare(a.prometheus, b.prometheus) }

var labelNamer otlptranslator.LabelNamer

// newLabel translates the name, and refuses names that cannot be.
func newLabel(name, value string) (label, error) {
	if !utf8.ValidString(name) {
		return label{}, fmt.Errorf("label %q: not UTF-8", name)
	}
	translated, err := labelNamer.Build(name)
	switch {
	case err != nil:
		return label{}, fmt.Errorf("label %q: %w", name, err)
	case strings.HasPrefix(translated, "__"):
		return label{}, fmt.Errorf("label %q: names that begin with __ are Prometheus' own", name)
	case name == overflowAttribute || translated == "otel_metric_overflow":
		return label{}, fmt.Errorf("label %q: marks the overflow series", name)
	}
	return label{name: name, prometheus: translated, value: strings.ToValidUTF8(value, "\uFFFD")}, nil
}

// sorted returns the labels in order of their names in Prometheus, or all that is wrong with them.
func (l Labels) sorted() ([]label, error) {
	var errs []error
	labels := make([]label, 0, len(l))
	for _, name := range slices.Sorted(maps.Keys(l)) {
		made, err := newLabel(name, l[name])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		labels = append(labels, made)
	}
	slices.SortFunc(labels, byPrometheusName)
	return labels, errors.Join(errs...)
}

// checkDistinct refuses labels that Prometheus could not tell from each other, or from the one it adds to the kind.
func checkDistinct(k kind, labels []label) error {
	var errs []error
	seen := map[string]string{k.reservedLabel(): "reserved"}
	for _, l := range labels {
		switch other, taken := seen[l.prometheus]; {
		case taken && other == "reserved":
			errs = append(errs, fmt.Errorf("label %q: Prometheus uses it for a %s", l.name, k))
		case taken:
			errs = append(errs, fmt.Errorf("labels %q and %q are both %q in Prometheus", other, l.name, l.prometheus))
		default:
			seen[l.prometheus] = l.name
		}
	}
	return errors.Join(errs...)
}

// series is what tells one series of an instrument from the others.
type series struct {
	family  *family
	labels  []label // sorted by their name in Prometheus
	created int64   // Unix nanoseconds
	pairs   atomic.Pointer[[]*dto.LabelPair]
	set     atomic.Pointer[attribute.Set]
}

func (s *series) init(f *family, labels []label) {
	s.family, s.labels, s.created = f, labels, time.Now().UnixNano()
}

func (s *series) createdAt() time.Time { return time.Unix(0, s.created) }

// labelPairs are the labels as Prometheus has them; they are made once and shared, so nobody may change them.
func (s *series) labelPairs() []*dto.LabelPair {
	if pairs := s.pairs.Load(); pairs != nil {
		return *pairs
	}
	pairs := make([]*dto.LabelPair, len(s.labels))
	for i := range s.labels {
		pairs[i] = &dto.LabelPair{Name: &s.labels[i].prometheus, Value: &s.labels[i].value}
	}
	s.pairs.Store(&pairs)
	return pairs
}

// attributes are the labels as OTel has them.
func (s *series) attributes() attribute.Set {
	if set := s.set.Load(); set != nil {
		return *set
	}
	attributes := make([]attribute.KeyValue, len(s.labels))
	for i, l := range s.labels {
		attributes[i] = attribute.String(l.name, l.value)
		if l.name == overflowAttribute {
			attributes[i] = attribute.Bool(l.name, true)
		}
	}
	set := attribute.NewSet(attributes...)
	s.set.Store(&set)
	return set
}
