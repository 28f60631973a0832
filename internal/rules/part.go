package rules

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
)

// part is what runs over the whole batch at once: a rule, or one of the passes or groups that a rule is made of.
type part struct {
	// rule is the place of the rule in the program.
	rule    int
	mode    errorPolicy
	stage   stage
	classes []Class
	// pure says that once per series is enough for all the part is made of.
	pure bool
	// reads is what of an identity a pure part depends on, swaps are the texts of its statements that remove by swapping.
	reads reads
	swaps map[string]bool
	// contexts are the contexts of the texts.
	contexts map[string]string
	// mixed, if not nil, is the stage apart into what is pure and what waits for the point itself.
	mixed *mixedStatements
	// removes says that the part may remove points, edits that it may change them, sweeps that it removes what came in
	// empty.
	removes, edits, sweeps bool
	// writes says that a pure statement of the part writes, writesMetric that it writes to a metric, looks that a value
	// statement reads what such a statement may write.
	writes, writesMetric, looks bool
}

// stage is what a rule compiles to. It edits md in place and adds what it did to t.
// Once t is halted it may leave md half done, for the batch is refused.
type stage interface {
	apply(ctx context.Context, md pmetric.Metrics, t *tally)
}

// newPart returns the part for a stage whose texts have the given classes.
func newPart(s stage, mode ottl.ErrorMode, classes []Class) part {
	p := part{
		mode: newErrorPolicy(mode), stage: s, classes: classes,
		pure: true, swaps: map[string]bool{}, contexts: map[string]string{},
	}
	for i := range classes {
		class := &classes[i]
		p.pure = p.pure && class.EveryTime == ""
		p.reads.add(class.reads)
		p.swaps[class.Text] = class.swaps
		p.contexts[class.Text] = class.context
		p.writesMetric = p.writesMetric || class.context == ottlmetric.ContextName
	}
	f, removes := s.(*filter)
	p.removes, p.edits, p.sweeps = removes, !removes, removes && f.sweeps
	p.writes = p.pure && p.edits
	p.writesMetric = p.writesMetric && p.writes
	return p
}

// lesson is the stage to learn from.
func (p *part) lesson() stage {
	if p.mixed != nil {
		return p.mixed
	}
	return p.stage
}

// mix makes a part pure of which some statements are about values alone, by setting those apart.
func (c *compiler) mix(p *part, guard, classes []Class) {
	s, ok := p.stage.(pointStatements)
	if p.pure || !ok {
		return
	}
	m := mixture{compiler: c, stage: &mixedStatements{guard: s.guard}}
	for i := range guard {
		if guard[i].EveryTime != "" {
			return
		}
		m.reads.add(guard[i].reads)
	}
	for i, statement := range s.list {
		if !m.add(statement, &classes[i]) {
			return
		}
	}
	p.pure, p.mixed, p.reads, p.looks, p.writes = true, m.stage, m.reads, m.looks, m.writes
}

// mixture is a part being set apart.
type mixture struct {
	*compiler
	stage         *mixedStatements
	reads         reads
	looks, writes bool
}

// add returns false if the statement can be set apart from none.
func (m *mixture) add(s *ottl.Statement[*ottldatapoint.TransformContext], class *Class) bool {
	if class.EveryTime == "" {
		m.stage.list = append(m.stage.list, mixedStatement{pure: s})
		m.reads.add(class.reads)
		m.writes = true
		return !m.looks
	}
	if !class.values {
		return false
	}
	v, looks, guard := m.valueStatement(s)
	m.stage.list = append(m.stage.list, mixedStatement{value: v})
	m.reads.add(guard)
	m.looks = m.looks || looks
	return true
}

// valueStatement sets a statement about values apart. looks says whether what is left for the point itself reads what a
// pure statement may write, guard what the part that is not left reads.
func (c *compiler) valueStatement(s *ottl.Statement[*ottldatapoint.TransformContext]) (v *valueStatement, looks bool, guard reads) {
	reader := c.readers[ottldatapoint.ContextName]
	whole := reader.statement(s.String())
	v = &valueStatement{text: s.String(), body: s}
	body, where, ok := splitWhere(s.String())
	if !ok {
		v.kernel, v.always = newKernel(body), true
		return v, whole.looks, reads{}
	}
	class := reader.condition(where)
	condition, err := c.parsers.ParseConditionsWithContext(ottldatapoint.ContextName, ottl.NewConditionsGetter([]string{where}), false)
	if err != nil {
		return v, whole.looks, reads{}
	}
	v.where = condition.conditions.point[0]
	if class.EveryTime != "" {
		return v, whole.looks, reads{}
	}
	alone, err := c.parsers.ParseStatementsWithContext(ottldatapoint.ContextName, ottl.NewStatementsGetter([]string{body}), false)
	if err != nil {
		return v, whole.looks, reads{}
	}
	v.guard, v.body, v.kernel = v.where, alone.stage.(pointStatements).list[0], newKernel(body)
	return v, reader.statement(body).looks, class.reads
}
