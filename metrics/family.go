package metrics

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/otlptranslator"
)

// family is what all series of an instrument share.
type family struct {
	kind       kind
	name       string // as OTel has it
	help       string
	unit       string // UCUM
	prometheus string // the name as Prometheus has it
	constant   []label
	dropped    atomic.Pointer[[refusals]atomic.Int64] // made by the first drop
	mu         sync.Mutex                             // guards who observes, and the series of a Vec
}

// nameSyntax is OTel's of instruments. Prometheus gets an underscore for what it does not allow.
var nameSyntax = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]{0,254}$`)

// newFamily returns all that is wrong with the arguments of a constructor, joined.
func newFamily(k kind, name, help string, constant Labels, s *settings) (*family, error) {
	labels, labelErr := constant.sorted()
	f := &family{kind: k, name: name, help: help, unit: s.unit, constant: labels}
	var err error
	f.prometheus, err = metricNamer.Build(otlptranslator.Metric{Name: name, Unit: s.unit, Type: k.metricType()})
	return f, errors.Join(checkName(name), checkText(help), checkUnit(s.unit), err, labelErr)
}

var (
	metricNamer = otlptranslator.MetricNamer{WithMetricSuffixes: true}
	unitNamer   otlptranslator.UnitNamer
)

func checkName(name string) error {
	if nameSyntax.MatchString(name) {
		return nil
	}
	return errors.New("name: must be a letter and at most 254 letters, digits and _ . - /")
}

func checkText(help string) error {
	if utf8.ValidString(help) {
		return nil
	}
	return errors.New("help: not UTF-8")
}

func checkUnit(unit string) error {
	if len(unit) <= 63 && !strings.ContainsFunc(unit, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil
	}
	return fmt.Errorf("unit %q: must be UCUM, at most 63 visible ASCII characters", unit)
}

// wrap says which instrument an error is of.
func (f *family) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %q: %w", f.kind, f.name, err)
}

// refused is the error of a value that was not recorded, nil for one that was.
func refused[T Number](f *family, v T, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %q: %v %w", f.kind, f.name, v, err)
}

// drop counts a value that was not recorded.
func (f *family) drop(err error) {
	counts := f.dropped.Load()
	if counts == nil {
		f.dropped.CompareAndSwap(nil, new([refusals]atomic.Int64))
		counts = f.dropped.Load()
	}
	counts[refusalIn(err).index].Add(1)
}

// desc is for the metrics of a collector that describes none beforehand: it names family, help and unit alone.
func (f *family) desc() *prometheus.Desc {
	return prometheus.V2.NewDesc(f.prometheus, f.help, prometheus.UnconstrainedLabels(nil), nil,
		prometheus.WithUnit(f.prometheusUnit()))
}

// prometheusUnit is the unit where the name ends in it, as OpenMetrics demands, otherwise none.
func (f *family) prometheusUnit() string {
	unit := unitNamer.Build(f.unit)
	if unit == "" || !strings.HasSuffix(f.base(), "_"+unit) {
		return ""
	}
	return unit
}

// base is the name of the family in OpenMetrics: a counter's without _total.
func (f *family) base() string {
	if f.kind == counterKind {
		return strings.TrimSuffix(f.prometheus, "_total")
	}
	return f.prometheus
}

// names are all that Prometheus may call a sample of the family, and the family itself.
func (f *family) names() []string {
	names := []string{f.base()}
	for _, suffix := range f.kind.suffixes() {
		names = append(names, f.base()+suffix)
	}
	return names
}
