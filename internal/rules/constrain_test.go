package rules

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"

	"github.com/sluice-metrics/sluice/internal/constraint"
)

// reading is a point of a series on its way through a constraint.
type reading struct {
	series      int
	start, time pcommon.Timestamp
	float       bool
	i           int64
	f           float64
	none        bool
	tag         string
}

func (s reading) String() string {
	value := strconv.FormatInt(s.i, 10)
	if s.float {
		value = fmt.Sprintf("%v(float)", s.f)
	}
	return fmt.Sprintf("{series %d from %d at %d: %s none %t tag %q}", s.series, s.start, s.time, value, s.none, s.tag)
}

func drawReading(now pcommon.Timestamp) func(t *rapid.T) reading {
	return func(t *rapid.T) reading {
		s := reading{
			series: rapid.IntRange(0, 2).Draw(t, "series"),
			start:  pcommon.Timestamp(rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "start")),
			time:   rapid.SampledFrom([]pcommon.Timestamp{0, now, now, now, now - 2}).Draw(t, "time"),
			float:  rapid.Bool().Draw(t, "float"),
			none:   rapid.IntRange(0, 9).Draw(t, "none") == 0,
		}
		if s.float {
			s.f = rapid.SampledFrom([]float64{0, 1, 1.5, 2.5, 3, -1, 100, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64}).Draw(t, "value")
		} else {
			s.i = rapid.SampledFrom([]int64{0, 1, 2, 3, -1, 100, math.MaxInt64, math.MinInt64, 1<<53 + 1, 1<<53 + 3}).Draw(t, "value")
		}
		return s
	}
}

func batchOf(readings []reading) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	m.SetEmptySum()
	for _, s := range readings {
		p := m.Sum().DataPoints().AppendEmpty()
		p.Attributes().PutInt("series", int64(s.series))
		p.SetStartTimestamp(s.start)
		p.SetTimestamp(s.time)
		p.SetFlags(p.Flags().WithNoRecordedValue(s.none))
		if s.float {
			p.SetDoubleValue(s.f)
		} else {
			p.SetIntValue(s.i)
		}
	}
	return md
}

func readingsOf(md pmetric.Metrics) []string {
	var list []string
	_ = eachMetric(md, func(_ pmetric.ResourceMetrics, _ pmetric.ScopeMetrics, m pmetric.Metric) {
		for _, p := range m.Sum().DataPoints().All() {
			id, _ := p.Attributes().Get("series")
			s := reading{series: int(id.Int()), start: p.StartTimestamp(), time: p.Timestamp(), none: p.Flags().NoRecordedValue()}
			if tag, ok := p.Attributes().Get(ViolationAttribute); ok {
				s.tag = tag.Str()
			}
			s.float = p.ValueType() == pmetric.NumberDataPointValueTypeDouble
			s.f, s.i = p.DoubleValue(), p.IntValue()
			list = append(list, s.String())
		}
	})
	return list
}

// constrainModel is a constraint as its documentation has it, in exact numbers and with a list of all that was let through.
type constrainModel struct {
	Constrain
	through map[int]reading
}

func exactly(s reading) *big.Float {
	if s.float {
		return new(big.Float).SetPrec(2000).SetFloat64(s.f)
	}
	return new(big.Float).SetPrec(2000).SetInt64(s.i)
}

func (m *constrainModel) previous(s reading) (reading, bool) {
	last, known := m.through[s.series]
	late := known && s.time != 0 && s.time <= last.time
	return last, m.Monotonic && known && !late && last.start == s.start && last.float == s.float
}

func (m *constrainModel) breaks(s reading) string {
	number := !s.float || !math.IsNaN(s.f) && !math.IsInf(s.f, 0)
	nan := s.float && math.IsNaN(s.f)
	switch {
	case m.Finite && !number:
		return "finite"
	case m.Integer && (!number || !exactly(s).IsInt()):
		return "integer"
	case m.Min != nil && (nan || exactly(s).Cmp(big.NewFloat(*m.Min)) < 0):
		return "min"
	case m.Max != nil && (nan || exactly(s).Cmp(big.NewFloat(*m.Max)) > 0):
		return "max"
	}
	if last, known := m.previous(s); known && !nan && exactly(s).Cmp(exactly(last)) < 0 {
		return "monotonic"
	}
	return ""
}

// clamped is the nearest value allowed. Doubles are left to the constraint, which has tests of its own.
func (m *constrainModel) clamped(s reading) (reading, bool) {
	last, known := m.previous(s)
	if s.float {
		c := constraint.Constraint[float64]{Min: m.Min, Max: m.Max, Finite: m.Finite, Integer: m.Integer, Monotonic: known}
		var ok bool
		s.f, ok = c.ClampAfter(last.f, s.f)
		return s, ok
	}
	nearest, found := s, false
	for _, candidate := range m.candidates(s, last, known) {
		if m.breaks(candidate) == "" && (!found || distance(candidate, s).Cmp(distance(nearest, s)) < 0) {
			nearest, found = candidate, true
		}
	}
	return nearest, found
}

func distance(a, b reading) *big.Float {
	d := new(big.Float).Sub(exactly(a), exactly(b))
	return d.Abs(d)
}

// candidates are integers one of which is the nearest: a bound rounded inwards, and what the series was.
func (m *constrainModel) candidates(s, last reading, known bool) []reading {
	var list []reading
	add := func(f *big.Float) {
		if i, accuracy := f.Int64(); accuracy == big.Exact {
			c := s
			c.i = i
			list = append(list, c)
		}
	}
	if known {
		add(exactly(last))
	}
	if m.Min != nil && !math.IsInf(*m.Min, 0) {
		add(big.NewFloat(math.Ceil(*m.Min)))
	}
	if m.Max != nil && !math.IsInf(*m.Max, 0) {
		add(big.NewFloat(math.Floor(*m.Max)))
	}
	return list
}

func (m *constrainModel) run(readings []reading) (out []string, c Counts) {
	for _, s := range readings {
		if s.none {
			out = append(out, s.String())
			continue
		}
		if broken := m.breaks(s); broken != "" {
			c.Matched++
			switch m.OnViolation {
			case DropPoint:
				c.Dropped++
				continue
			case ClampPoint:
				var ok bool
				if s, ok = m.clamped(s); !ok {
					c.Dropped++
					continue
				}
				c.Changed++
			case TagPoint:
				s.tag = broken
				c.Changed++
			case LogPoint:
			}
		}
		out = append(out, s.String())
		last, known := m.through[s.series]
		if late := known && s.time != 0 && s.time <= last.time; !late && (!s.float || !math.IsNaN(s.f)) {
			m.through[s.series] = s
		}
	}
	return out, c
}

func drawConstrain(t *rapid.T) Constrain {
	bound := func(what string) *float64 {
		if rapid.Bool().Draw(t, what+"?") {
			return nil
		}
		v := rapid.SampledFrom([]float64{0, 1, 1.5, 2.7, -3, 99, 9.3e18, -9.3e18, 1 << 53, math.Inf(1), math.Inf(-1)}).Draw(t, what)
		return &v
	}
	return Constrain{
		Min: bound("min"), Max: bound("max"),
		Finite: rapid.Bool().Draw(t, "finite"), Integer: rapid.Bool().Draw(t, "integer"), Monotonic: rapid.Bool().Draw(t, "monotonic"),
		OnViolation: rapid.SampledFrom([]Violation{DropPoint, ClampPoint, TagPoint, LogPoint}).Draw(t, "on_violation"),
	}
}

func TestConstrainDoesWhatItsModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := drawConstrain(t)
		p, err := Compile(testSettings(), []Rule{{Constrain: &k}})
		if err != nil {
			return
		}
		model := constrainModel{k, map[int]reading{}}
		shared := rapid.Bool().Draw(t, "shared")
		for now := range rapid.IntRange(1, 5).Draw(t, "batches") {
			readings := rapid.SliceOfN(rapid.Custom(drawReading(pcommon.Timestamp(10+now))), 0, 5).Draw(t, "readings")
			want, wantCounts := model.run(readings)
			md := batchOf(readings)
			if shared {
				md.MarkReadOnly()
			}
			counts := make([]Counts, 1)
			got, err := p.Run(t.Context(), md, counts)
			require.NoError(t, err)
			require.Equal(t, want, readingsOf(got), "%+v %v", k, readings)
			logged := counts[0].Violation != nil
			require.Equal(t, k.OnViolation == LogPoint && wantCounts.Matched > 0, logged)
			counts[0].Violation = nil
			require.Equal(t, wantCounts, counts[0])
		}
	})
}

func TestConstrainIsForWhatItNames(t *testing.T) {
	limit := 0.0
	for name, tt := range map[string]struct {
		k    Constrain
		want int
	}{
		"all":             {Constrain{}, 8},
		"metric names":    {Constrain{Names: []string{"a", "x"}}, 4},
		"point":           {Constrain{Match: []string{`datapoint.attributes["i"] == 1`}}, 4},
		"any of several":  {Constrain{Match: []string{`datapoint.attributes["i"] == 1`, `metric.name == "a"`}}, 6},
		"resource":        {Constrain{Match: []string{`resource.attributes["env"] == "dev"`}}, 4},
		"scope":           {Constrain{Match: []string{`scope.name == "s"`}}, 8},
		"name and match":  {Constrain{Names: []string{"a"}, Match: []string{`datapoint.attributes["i"] == 0`}}, 2},
		"no such metric":  {Constrain{Names: []string{"x"}}, 0},
		"fails, so stays": {Constrain{Match: []string{`Substring(metric.name, 0, 9) == "a"`}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			md := pmetric.NewMetrics()
			for _, env := range []string{"dev", "prod"} {
				rm := md.ResourceMetrics().AppendEmpty()
				rm.Resource().Attributes().PutStr("env", env)
				sm := rm.ScopeMetrics().AppendEmpty()
				sm.Scope().SetName("s")
				for _, name := range []string{"a", "b"} {
					m := sm.Metrics().AppendEmpty()
					m.SetName(name)
					points := m.SetEmptyGauge().DataPoints()
					for i := range 2 {
						p := points.AppendEmpty()
						p.SetIntValue(5)
						p.Attributes().PutInt("i", int64(i))
					}
				}
				sm.Metrics().AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty().SetCount(9)
			}
			tt.k.Max, tt.k.OnViolation = &limit, DropPoint
			counts, err := runOn(t.Context(), compileRules(t, Rule{Constrain: &tt.k}), md)
			require.NoError(t, err)
			assert.Equal(t, tt.want, counts[0].Dropped)
			assert.Equal(t, 10-tt.want, md.DataPointCount())
			assert.Equal(t, name == "fails, so stays", counts[0].Errors > 0)
		})
	}
}

func TestConstrainThatAllowsNothingIsRefused(t *testing.T) {
	low, high := 1.2, 1.8
	_, err := Compile(testSettings(), []Rule{{Name: "r", Constrain: &Constrain{Min: &low, Max: &high, Integer: true, OnViolation: DropPoint}}})
	require.ErrorContains(t, err, `rules[0] ("r"): constrain: integer: there is none between min 1.2 and max 1.8`)
	_, err = Compile(testSettings(), []Rule{{Constrain: &Constrain{Min: &low, Match: []string{`metric.name ==`}, OnViolation: DropPoint}}})
	require.ErrorContains(t, err, "rules[0]: constrain: match[0]: ")
}

// What a monotonic constraint remembers is bounded in time too.
func TestMonotonicSeriesAreForgotten(t *testing.T) {
	k := Constrain{Monotonic: true, OnViolation: DropPoint}
	set := testSettings()
	set.Memoize = Memoize{MaxSeries: 10, Expiration: time.Hour}
	p, err := Compile(set, []Rule{{Constrain: &k}})
	require.NoError(t, err)
	s := p.parts[0].stage.(*constrained)
	_, err = runOn(t.Context(), p, batchOf([]reading{{i: 5}}))
	require.NoError(t, err)
	assert.Equal(t, 1, s.last.Len())
}
