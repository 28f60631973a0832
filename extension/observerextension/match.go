package observerextension

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"

	"github.com/sluice-metrics/sluice/internal/events"
	"github.com/sluice-metrics/sluice/internal/rules"
)

// matcher is a match. It may be used concurrently.
type matcher struct {
	name *regexp.Regexp // nil: any
	// condition drops what it holds for. It is nil if there is none.
	condition *rules.Program
	// reads is what the condition reads of the attributes of points.
	reads *rules.Projection
}

var _ events.Projector = (*matcher)(nil)

// matcher returns nil if all series match.
func (c *MatchConfig) matcher(tel component.TelemetrySettings) (events.Matcher, error) {
	if c.Name == "" && c.Condition == "" {
		return nil, nil //nolint:nilnil // it is what the engine takes for all series
	}
	m := &matcher{}
	name, err := regexp.Compile("^(?s:" + c.Name + ")$")
	if err != nil {
		err = fmt.Errorf("name: %w", err)
	}
	if c.Name != "" {
		m.name = name
	}
	return m, errors.Join(err, m.compile(c.Condition, tel))
}

func (m *matcher) compile(condition string, tel component.TelemetrySettings) error {
	if condition == "" {
		return nil
	}
	program, err := rules.Compile(rules.Settings{
		Functions: rules.Functions{
			Resource:  ottlfuncs.StandardFuncs[*ottlresource.TransformContext](),
			Scope:     ottlfuncs.StandardFuncs[*ottlscope.TransformContext](),
			Metric:    ottlfuncs.StandardFuncs[*ottlmetric.TransformContext](),
			DataPoint: ottlfuncs.StandardFuncs[*ottldatapoint.TransformContext](),
		},
		ErrorMode: ottl.SilentError,
		Telemetry: tel,
	}, []rules.Rule{{Name: "condition", Drop: []string{condition}}})
	if err != nil {
		return errors.New("condition: " + strings.TrimPrefix(err.Error(), `rules[0] ("condition"): drop[0]: `))
	}
	for _, c := range program.Classes() {
		if c.EveryTime != "" {
			return fmt.Errorf("condition: must be about what a series is, for it is evaluated once per series: %s", c.EveryTime)
		}
	}
	m.condition, m.reads = program, program.Projection()
	return nil
}

// Metric implements events.Matcher.
func (m *matcher) Metric(c *events.Candidate) events.Verdict {
	switch {
	case m.name != nil && !m.name.MatchString(c.Metric.Name()):
		return events.No
	case m.condition == nil:
		return events.Yes
	case m.reads.Points():
		return events.ByPoint
	case m.holds(c):
		return events.Yes
	default:
		return events.No
	}
}

// Point implements events.Matcher.
func (m *matcher) Point(c *events.Candidate) bool { return m.holds(c) }

// Project implements events.Projector.
func (m *matcher) Project(dst []byte, attrs pcommon.Map) []byte { return m.reads.Append(dst, attrs) }

// holds evaluates the condition. One that fails does not hold.
func (m *matcher) holds(c *events.Candidate) bool {
	var counts [1]rules.Counts
	_, err := m.condition.Run(context.Background(), c.One(), counts[:])
	return err == nil && counts[0].Dropped > 0
}
