package rules

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
)

// valueStatement is a statement that reads or writes a point's value and nothing else that could change. Between pure
// rules it waits until their outcome is known and then runs on the point itself.
type valueStatement struct {
	text string
	// guard is the statement's where clause if that is pure: its answer is then part of the outcome, and body is the
	// statement without it. guard is nil otherwise, and body the whole statement.
	guard  *ottl.Condition[*ottldatapoint.TransformContext]
	body   *ottl.Statement[*ottldatapoint.TransformContext]
	kernel kernel
	// where is the statement's where clause, nil if there is none or it cannot be told from the rest.
	where *ottl.Condition[*ottldatapoint.TransformContext]
	// always says that there is no where clause.
	always bool
}

// pendingValue is a value statement that an outcome calls for.
type pendingValue struct {
	rule      int
	statement *valueStatement
	// counted says that the rule counts as matched already.
	counted bool
}

// mixedStatements are the statements of a rule on points. As a stage they run the pure ones and tell the tally of the
// others.
type mixedStatements struct {
	guard conditions[*ottldatapoint.TransformContext]
	list  []mixedStatement
}

// mixedStatement is either of the two.
type mixedStatement struct {
	pure  *ottl.Statement[*ottldatapoint.TransformContext]
	value *valueStatement
}

func (s *mixedStatements) apply(ctx context.Context, md pmetric.Metrics, t *tally) {
	t.end(eachMetric(md, func(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) {
		eachPoint(m, func(point any) {
			tCtx := ottldatapoint.NewTransformContextPtr(rm, sm, m, point)
			s.run(ctx, tCtx, t)
			tCtx.Close()
		})
	}))
}

func (s *mixedStatements) run(ctx context.Context, tCtx *ottldatapoint.TransformContext, t *tally) {
	if len(s.guard) > 0 && s.guard.eval(ctx, tCtx, t) != hit {
		return
	}
	matched := false
	for _, one := range s.list {
		if t.halted {
			return
		}
		if one.value != nil {
			matched = one.value.ask(ctx, tCtx, t) || matched
			continue
		}
		_, ran, err := one.pure.Execute(ctx, tCtx)
		if err != nil {
			t.fail(one.pure.String(), err)
		}
		matched = matched || ran
		if ran {
			t.executed(one.pure.String())
		}
	}
	if matched {
		t.Matched++
	}
}

// ask tells the tally of the statement unless its guard is not met, and reports whether it is sure to run.
func (v *valueStatement) ask(ctx context.Context, tCtx *ottldatapoint.TransformContext, t *tally) bool {
	if v.guard == nil {
		t.pending(v)
		return v.always
	}
	met, err := v.guard.Eval(ctx, tCtx)
	if err != nil {
		t.fail(v.text, err)
	}
	if met {
		t.pending(v)
	}
	return met
}

// splitWhere cuts a statement at its where clause.
func splitWhere(text string) (body, guard string, ok bool) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		case !quoted && isWord(text, i, "where"):
			return text[:i], text[i+len("where"):], true
		}
	}
	return text, "", false
}

// isWord reports whether a word stands at i between spaces.
func isWord(text string, i int, word string) bool {
	end := i + len(word)
	return i > 0 && strings.HasPrefix(text[i:], word) && isSpace(text[i-1]) && end < len(text) && isSpace(text[end])
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// kernel does on a number what a statement does, without OTTL.
type kernel interface {
	apply(p pmetric.NumberDataPoint)
}

// Number is the type of a point's value.
type Number interface{ ~int64 | ~float64 }

// arithmetic sets a value of type T to itself, changed by an operand that is not zero.
type arithmetic[T Number] struct {
	get     func(pmetric.NumberDataPoint) T
	set     func(pmetric.NumberDataPoint, T)
	op      byte
	operand T
}

func (a arithmetic[T]) apply(p pmetric.NumberDataPoint) {
	v := a.get(p)
	switch a.op {
	case '+':
		v += a.operand
	case '-':
		v -= a.operand
	case '*':
		v *= a.operand
	case '/':
		v /= a.operand
	}
	a.set(p, v)
}

var (
	intArithmetic    = regexp.MustCompile(`^\s*set\(\s*datapoint\.value_int\s*,\s*datapoint\.value_int\s*([-+*/])\s*([0-9]+)\s*\)\s*$`)
	doubleArithmetic = regexp.MustCompile(`^\s*set\(\s*datapoint\.value_double\s*,\s*datapoint\.value_double\s*([-+*/])\s*([0-9]+\.[0-9]+)\s*\)\s*$`)
)

// newKernel returns nil if the statement has no form that a kernel knows.
func newKernel(body string) kernel {
	if m := intArithmetic.FindStringSubmatch(body); m != nil {
		if operand, err := strconv.ParseInt(m[2], 10, 64); err == nil && operand != 0 {
			return arithmetic[int64]{pmetric.NumberDataPoint.IntValue, pmetric.NumberDataPoint.SetIntValue, m[1][0], operand}
		}
	}
	if m := doubleArithmetic.FindStringSubmatch(body); m != nil {
		if operand, err := strconv.ParseFloat(m[2], 64); err == nil && operand != 0 {
			return arithmetic[float64]{pmetric.NumberDataPoint.DoubleValue, pmetric.NumberDataPoint.SetDoubleValue, m[1][0], operand}
		}
	}
	return nil
}
