package rules

import (
	"context"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/constraint"
	"github.com/sluice-metrics/sluice/internal/series"
)

// Constrain says what the numbers of gauges and sums must be. Histograms, summaries and points without a value pass.
type Constrain struct {
	// Names are the metrics it is for, all if there are none.
	Names []string
	// Match are OTTL conditions: it is for what meets any of them, for all if there are none.
	Match []string
	// Min and Max are bounds, nil for none; infinities and fractions are told by Finite and Integer.
	Min, Max        *float64
	Finite, Integer bool
	// Monotonic says that a series never goes below what was last let through of it, unless its start time tells that it
	// begins anew. Points that come late, or again, are not compared.
	Monotonic bool
	// OnViolation is what happens to a point that breaks the constraint.
	OnViolation Violation
}

// Violation is what happens to a point that breaks a constraint.
type Violation string

// The actions on a violation. ClampPoint sets the nearest value allowed, and drops where there is none; TagPoint adds
// ViolationAttribute; LogPoint leaves the point alone.
const (
	DropPoint  Violation = "drop"
	ClampPoint Violation = "clamp"
	TagPoint   Violation = "tag"
	LogPoint   Violation = "log"
)

// ViolationAttribute tells which constraint a point breaks: min, max, finite, integer or monotonic.
const ViolationAttribute = "sluice.violation"

// constrained is the stage of a constraint.
type constrained struct {
	names   map[string]bool
	match   conditionSet
	matches bool
	ints    constraint.Constraint[int64]
	floats  constraint.Constraint[float64]
	// noInts is what every integer breaks.
	noInts constraint.Violation
	action Violation
	// last are the values of monotonic series.
	last *series.Cache[lastNumber]
}

// The series that a monotonic constraint remembers where nothing else is configured.
const (
	lastSeries     = 1_000_000
	lastExpiration = 30 * time.Minute
)

func (c *compiler) constrain(k *Constrain, mode ottl.ErrorMode) (part, []error) {
	s := &constrained{
		ints:   constraint.Constraint[int64]{Min: atLeast(k.Min), Max: atMost(k.Max), Monotonic: k.Monotonic},
		floats: constraint.Constraint[float64]{Min: k.Min, Max: k.Max, Finite: k.Finite, Integer: k.Integer, Monotonic: k.Monotonic},
		noInts: beyond(k), action: k.OnViolation, matches: len(k.Match) > 0, names: set(k.Names...),
	}
	match, _, errs := c.conditions(Conditions{Key: "constrain: match", Texts: k.Match})
	if err := s.floats.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("constrain: %w", err))
	}
	s.match = match
	if k.Monotonic {
		s.last = series.NewCache[lastNumber](max(c.memoize.MaxSeries, lastSeries), max(c.memoize.Expiration, lastExpiration))
	}
	class := Class{Key: "constrain", EveryTime: "it is about values"}
	return part{mode: newErrorPolicy(mode), stage: s, classes: []Class{class}}, errs
}

// atLeast is the least integer from the bound on, nil if there is no bound that an integer could break.
func atLeast(bound *float64) *int64 {
	if bound == nil || *bound <= math.MinInt64 || *bound >= math.MaxInt64 {
		return nil
	}
	v := int64(math.Ceil(*bound))
	return &v
}

func atMost(bound *float64) *int64 {
	if bound == nil || *bound >= math.MaxInt64 || *bound < math.MinInt64 {
		return nil
	}
	v := int64(math.Floor(*bound))
	return &v
}

// beyond is the bound that no integer keeps, if one is. As a float, math.MaxInt64 is one more than that.
func beyond(k *Constrain) constraint.Violation {
	switch {
	case k.Min != nil && *k.Min >= math.MaxInt64:
		return constraint.BelowMin
	case k.Max != nil && *k.Max < math.MinInt64:
		return constraint.AboveMax
	}
	return constraint.None
}

func (s *constrained) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	r := s.recent()
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		return prune(rm.ScopeMetrics(), false, func(sm pmetric.ScopeMetrics) bool {
			return prune(sm.Metrics(), false, func(m pmetric.Metric) bool {
				if !s.concerns(m) {
					return false
				}
				return prunePoints(m, false, func(point any) bool { return s.enforce(&place{ctx, rm, sm, m, point}, r, t) })
			})
		})
	})
}

func (s *constrained) recent() recent {
	if s.last == nil {
		return recent{}
	}
	s.last.Age()
	return recent{numbers: s.last}
}

// changes stops at the first point that would go or be written to, and has then remembered nothing.
func (s *constrained) changes(ctx context.Context, md pmetric.Metrics, t *tally) bool {
	r := s.recent()
	if r.numbers != nil {
		r.pending = map[series.Fingerprint]lastNumber{}
	}
	changes := false
	_ = eachMetric(md, func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
		if changes || !s.concerns(m) {
			return
		}
		eachPoint(m, func(point any) {
			if !changes {
				changes = s.looksAt(&place{ctx, rm, sm, m, point}, r, t)
			}
		})
	})
	if !changes {
		r.settle()
	}
	return changes
}

func (s *constrained) looksAt(at *place, r recent, t *tally) bool {
	v := s.check(at, r, t)
	switch {
	case t.halted || v.broken != constraint.None && s.action != LogPoint:
		return true
	case v.broken != constraint.None:
		s.note(at, v, t)
	}
	v.let(r)
	return false
}

func (s *constrained) concerns(m pmetric.Metric) bool {
	number := m.Type() == pmetric.MetricTypeGauge || m.Type() == pmetric.MetricTypeSum
	return number && (len(s.names) == 0 || s.names[m.Name()])
}

// place is a point and what it is in.
type place struct {
	ctx   context.Context
	rm    pmetric.ResourceMetrics
	sm    pmetric.ScopeMetrics
	m     pmetric.Metric
	point any
}

// finding is what a point breaks, and what it would have to be.
type finding struct {
	broken constraint.Violation
	// clamp writes the nearest value allowed, if there is one.
	clamp func() bool
	// concerned says that the constraint is for the point.
	concerned bool
	point     pmetric.NumberDataPoint
	memory    memory
}

// let remembers the point as it is let through.
func (f *finding) let(r recent) {
	if f.concerned {
		r.remember(f.memory, f.point)
	}
}

// enforce reports whether the point is to be removed.
func (s *constrained) enforce(at *place, r recent, t *tally) bool {
	v := s.check(at, r, t)
	if t.halted {
		return false
	}
	if v.broken != constraint.None && !s.act(at, &v, t) {
		t.Dropped++
		return true
	}
	v.let(r)
	return false
}

// act does what is to be done about a violation, and reports whether the point may stay.
func (s *constrained) act(at *place, v *finding, t *tally) bool {
	s.note(at, *v, t)
	switch {
	case s.action == LogPoint:
		return true
	case s.action == TagPoint:
		attributesOf(at.point).PutStr(ViolationAttribute, string(v.broken))
	case s.action == DropPoint || !v.clamp():
		return false
	}
	t.Changed++
	return true
}

// note counts a violation, and says which if that is what the rule is for.
func (s *constrained) note(at *place, v finding, t *tally) {
	t.Matched++
	if s.action == LogPoint && t.Violation == nil {
		p := at.point.(pmetric.NumberDataPoint)
		t.Violation = fmt.Errorf("%s%s %s breaks %s", at.m.Name(), describeMap(p.Attributes()), describeNumber(p), v.broken)
	}
}

func (s *constrained) check(at *place, r recent, t *tally) finding {
	if s.matches && !s.match.at(at, t) {
		return finding{}
	}
	f := finding{concerned: true, point: at.point.(pmetric.NumberDataPoint)}
	if f.point.Flags().NoRecordedValue() || f.point.ValueType() == pmetric.NumberDataPointValueTypeEmpty {
		return finding{} // it has no value, and says that a series ends
	}
	f.memory = r.recall(at, f.point)
	switch {
	case isDouble(f.point):
		judge(&f, s.floats, math.Float64frombits(f.memory.last.bits), f.point.DoubleValue(), f.point.SetDoubleValue)
	case s.noInts != constraint.None:
		f.broken, f.clamp = s.noInts, func() bool { return false }
	default:
		judge(&f, s.ints, int64(f.memory.last.bits), f.point.IntValue(), f.point.SetIntValue)
	}
	return f
}

// judge checks a value, after the previous one if that is known.
func judge[T Number](f *finding, c constraint.Constraint[T], previous, v T, set func(T)) {
	c.Monotonic = c.Monotonic && f.memory.known
	f.broken = c.CheckAfter(previous, v)
	if f.broken == constraint.None {
		return
	}
	f.clamp = func() bool {
		allowed, ok := c.ClampAfter(previous, v)
		if ok {
			set(allowed)
		}
		return ok
	}
}
