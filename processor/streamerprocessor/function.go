package streamerprocessor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/rules"
)

// Number is the type of a data point's value: int64 for integers, float64 for doubles, or a type made of either.
type Number interface{ ~int64 | ~float64 }

// Point is a data point of a gauge or a sum, as functions see it.
type Point[T Number] struct {
	// Metric is the name of the point's metric, Unit its unit in UCUM.
	Metric, Unit string
	// Resource are the attributes of the point's resource. They must not be changed.
	Resource pcommon.Map
	// Attributes are those of the point. Only a Transform may change them.
	Attributes pcommon.Map
	// Time is that of the value, and Start that of the beginning of a sum; 0 if unknown.
	Time, Start pcommon.Timestamp
	Value       T
}

// Filter reports whether a point stays. Points of the other type of number, and of histograms and summaries, stay.
// It is called concurrently, and must not change or keep anything of the point.
type Filter[T Number] func(Point[T]) bool

// Transform returns the new value of a point. On an error the point stays as it is; the rule's errors are counted.
// It is called concurrently, and must not keep anything of the point.
type Transform[T Number] func(Point[T]) (T, error)

// Option registers a function in a factory.
type Option func(*registry)

// registry holds the functions of a build by name, and what is wrong with those that it cannot hold: a factory returns
// no error, so that each configuration does.
type registry struct {
	stages map[string]rules.Stage
	errs   []error
}

func newRegistry(options []Option) *registry {
	r := &registry{stages: map[string]rules.Stage{}}
	for i, o := range options {
		if o == nil {
			r.errs = append(r.errs, fmt.Errorf("option %d of the factory is nil", i))
			continue
		}
		o(r)
	}
	return r
}

// WithFilter registers a function that rules call with `function: name`. A name that is empty or taken and a nil function
// make each configuration of the factory invalid.
func WithFilter[T Number](name string, f Filter[T]) Option {
	return func(r *registry) { r.add(name, f == nil, filterStage[T]{name, f}) }
}

// WithTransform registers a function that rules call with `function: name`. A name that is empty or taken and a nil
// function make each configuration of the factory invalid.
func WithTransform[T Number](name string, f Transform[T]) Option {
	return func(r *registry) { r.add(name, f == nil, transformStage[T]{name, f}) }
}

func (r *registry) add(name string, isNil bool, s rules.Stage) {
	switch _, taken := r.stages[name]; {
	case name == "":
		r.errs = append(r.errs, errors.New("a function of this build has an empty name"))
	case isNil:
		r.errs = append(r.errs, fmt.Errorf("function %q of this build is nil", name))
	case taken:
		r.errs = append(r.errs, fmt.Errorf("two functions of this build are called %q", name))
	default:
		r.stages[name] = s
	}
}

// validate joins what is wrong with the build. nil is a build without functions.
func (r *registry) validate() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.errs...)
}

// rule adds the function of that name to a rule.
func (r *registry) rule(name string, to *rules.Rule) error {
	if name == "" {
		return nil
	}
	if r == nil || len(r.stages) == 0 {
		return fmt.Errorf("function: this build has no functions, so that there is no %q", name)
	}
	stage, ok := r.stages[name]
	if !ok {
		return fmt.Errorf("function: this build has no function %q, only %q", name, slices.Sorted(maps.Keys(r.stages)))
	}
	to.Stage = stage
	return nil
}

type filterStage[T Number] struct {
	name string
	keep Filter[T]
}

func (s filterStage[T]) Key() string { return "function " + s.name }

func (s filterStage[T]) Run(_ context.Context, md pmetric.Metrics, c *rules.Counts) error {
	pruneNumbers(md, func(rm pmetric.ResourceMetrics, _ pmetric.ScopeMetrics, m pmetric.Metric, p pmetric.NumberDataPoint) bool {
		if !isOf[T](p) || s.keep(pointOf[T](rm, m, p)) {
			return false
		}
		c.Matched++
		c.Dropped++
		return true
	})
	return nil
}

// Changes stops at the first point that would go.
func (s filterStage[T]) Changes(_ context.Context, md pmetric.Metrics, _ *rules.Counts) bool {
	for rm, m := range metricsOf(md) {
		for _, p := range numbersOf(m).All() {
			if isOf[T](p) && !s.keep(pointOf[T](rm, m, p)) {
				return true
			}
		}
	}
	return false
}

type transformStage[T Number] struct {
	name   string
	change Transform[T]
}

func (s transformStage[T]) Key() string { return "function " + s.name }

func (s transformStage[T]) Run(_ context.Context, md pmetric.Metrics, c *rules.Counts) error {
	for rm, m := range metricsOf(md) {
		for _, p := range numbersOf(m).All() {
			if isOf[T](p) {
				s.apply(rm, m, p, c)
			}
		}
	}
	return nil
}

func (s transformStage[T]) apply(rm pmetric.ResourceMetrics, m pmetric.Metric, p pmetric.NumberDataPoint, c *rules.Counts) {
	v, err := s.change(pointOf[T](rm, m, p))
	if err != nil {
		c.Errors++
		if c.FirstError == nil {
			c.FirstError = fmt.Errorf("function %s on %s: %w", s.name, m.Name(), err)
		}
		return
	}
	c.Matched++
	c.Changed++
	setValue(p, v)
}

// isOf reports whether the point's number is of the kind of T.
func isOf[T Number](p pmetric.NumberDataPoint) bool {
	if isFloat[T]() {
		return p.ValueType() == pmetric.NumberDataPointValueTypeDouble
	}
	return p.ValueType() == pmetric.NumberDataPointValueTypeInt
}

// isFloat uses that integers have no half.
func isFloat[T Number]() bool {
	one := T(1)
	return one/2 != 0
}

func pointOf[T Number](rm pmetric.ResourceMetrics, m pmetric.Metric, p pmetric.NumberDataPoint) Point[T] {
	point := Point[T]{
		Metric: m.Name(), Unit: m.Unit(),
		Resource: rm.Resource().Attributes(), Attributes: p.Attributes(),
		Time: p.Timestamp(), Start: p.StartTimestamp(),
	}
	if isFloat[T]() {
		point.Value = T(p.DoubleValue())
	} else {
		point.Value = T(p.IntValue())
	}
	return point
}

func setValue[T Number](p pmetric.NumberDataPoint, v T) {
	if isFloat[T]() {
		p.SetDoubleValue(float64(v))
	} else {
		p.SetIntValue(int64(v))
	}
}
