package rules

import (
	"context"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/constraint"
	"github.com/sluice-metrics/sluice/internal/series"
)

// Constrain says what the numbers of gauges and sums must be. Histograms and summaries pass.
type Constrain struct {
	// Names are the metrics it is for, all if there are none.
	Names []string
	// Match are OTTL conditions: it is for what meets any of them, for all if there are none.
	Match []string
	// Min and Max are bounds, nil for none; infinities and fractions are told by Finite and Integer.
	Min, Max        *float64
	Finite, Integer bool
	// Monotonic says that a series never goes down, unless its start time tells that it begins anew.
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
	action  Violation
	// last are the values of monotonic series.
	last *series.Cache[lastNumber]
}

// lastNumber is what a series was last.
type lastNumber struct {
	start pcommon.Timestamp
	bits  uint64
	float bool
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
		action: k.OnViolation, matches: len(k.Match) > 0, names: set(k.Names...),
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
	if bound == nil || *bound <= math.MinInt64 {
		return nil
	}
	v := int64(math.MaxInt64)
	if *bound < math.MaxInt64 {
		v = int64(math.Ceil(*bound))
	}
	return &v
}

func atMost(bound *float64) *int64 {
	if bound == nil || *bound >= math.MaxInt64 {
		return nil
	}
	v := int64(math.MinInt64)
	if *bound > math.MinInt64 {
		v = int64(math.Floor(*bound))
	}
	return &v
}

func (s *constrained) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	if s.last != nil {
		s.last.Age()
	}
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		return prune(rm.ScopeMetrics(), false, func(sm pmetric.ScopeMetrics) bool {
			return prune(sm.Metrics(), false, func(m pmetric.Metric) bool {
				if !s.concerns(m) {
					return false
				}
				return prunePoints(m, false, func(point any) bool { return s.enforce(&place{ctx, rm, sm, m, point}, t) })
			})
		})
	})
}

// changes stops at the first point that would go or be written to. Values it has seen by then are seen again.
func (s *constrained) changes(ctx context.Context, md pmetric.Metrics, t *tally) bool {
	changes := false
	_ = eachMetric(md, func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
		if changes || !s.concerns(m) {
			return
		}
		eachPoint(m, func(point any) {
			if !changes {
				changes = s.looksAt(&place{ctx, rm, sm, m, point}, t)
			}
		})
	})
	return changes
}

func (s *constrained) looksAt(at *place, t *tally) bool {
	v := s.check(at, t)
	if v.broken == constraint.None || t.halted {
		return t.halted
	}
	if s.action != LogPoint {
		return true
	}
	s.note(at, v, t)
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
}

// enforce reports whether the point is to be removed.
func (s *constrained) enforce(at *place, t *tally) bool {
	v := s.check(at, t)
	if v.broken == constraint.None || t.halted {
		return false
	}
	s.note(at, v, t)
	switch {
	case s.action == TagPoint:
		attributesOf(at.point).PutStr(ViolationAttribute, string(v.broken))
	case s.action == LogPoint:
		return false
	case s.action == DropPoint || !v.clamp():
		t.Dropped++
		return true
	}
	t.Changed++
	return false
}

// note counts a violation, and says which if that is what the rule is for.
func (s *constrained) note(at *place, v finding, t *tally) {
	t.Matched++
	if s.action == LogPoint && t.Violation == nil {
		p := at.point.(pmetric.NumberDataPoint)
		t.Violation = fmt.Errorf("%s%s %s breaks %s", at.m.Name(), describeMap(p.Attributes()), describeNumber(p), v.broken)
	}
}

func (s *constrained) check(at *place, t *tally) finding {
	if s.matches && !s.match.at(at, t) {
		return finding{}
	}
	p := at.point.(pmetric.NumberDataPoint)
	key, last, known := s.recall(at, p)
	if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
		previous, v := int64(last.bits), p.IntValue()
		return judge(s, s.ints, key, p, previous, v, known && !last.float, uint64(v), p.SetIntValue)
	}
	previous, v := math.Float64frombits(last.bits), p.DoubleValue()
	return judge(s, s.floats, key, p, previous, v, known && last.float, math.Float64bits(v), p.SetDoubleValue)
}

// judge checks a value, after the previous one if that is known, and remembers it if it is allowed.
func judge[T Number](
	s *constrained, c constraint.Constraint[T], key series.Fingerprint, p pmetric.NumberDataPoint,
	previous, v T, known bool, bits uint64, set func(T),
) finding {
	broken := c.Check(v)
	if known {
		broken = c.CheckAfter(previous, v)
	}
	if broken == constraint.None {
		if s.last != nil {
			s.last.Put(key, lastNumber{start: p.StartTimestamp(), bits: bits, float: p.ValueType() == pmetric.NumberDataPointValueTypeDouble})
		}
		return finding{}
	}
	return finding{broken: broken, clamp: func() bool {
		allowed, ok := c.Clamp(v)
		if known {
			allowed, ok = c.ClampAfter(previous, v)
		}
		if ok {
			set(allowed)
		}
		return ok
	}}
}

// recall returns what a monotonic series was last, unless it begins anew.
func (s *constrained) recall(at *place, p pmetric.NumberDataPoint) (series.Fingerprint, lastNumber, bool) {
	if s.last == nil {
		return series.Fingerprint{}, lastNumber{}, false
	}
	key := appendShared(nil, at.rm.SchemaUrl(), 0, at.rm.Resource().Attributes())
	key = appendMetric(appendScope(key, at.sm), at.m)
	f := series.FingerprintOf(series.AppendExact(key, p.Attributes()))
	last, known := s.last.Get(f)
	return f, last, known && last.start == p.StartTimestamp()
}
