package streamerprocessor

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/metric/noop"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"

	"github.com/sluice-metrics/sluice/internal/rules"
)

// The blocks of contrib's filter and transform processors are read by those processors' own configurations, so that what
// they accept and refuse is accepted and refused here. Then our engine runs them, as what they mean.

// pasteFilter adds the blocks of the filter processor to a rule.
func (c *RuleConfig) pasteFilter(r *rules.Rule, set component.TelemetrySettings, mode ottl.ErrorMode) error {
	if c.Metrics == nil && c.MetricConditions == nil {
		return nil
	}
	cfg := filterprocessor.NewFactory().CreateDefaultConfig().(*filterprocessor.Config)
	block := map[string]any{}
	if c.Metrics != nil {
		block["metrics"] = c.Metrics
	}
	if c.MetricConditions != nil {
		block["metric_conditions"] = c.MetricConditions
	}
	if err := load(cfg, block, mode); err != nil {
		return err
	}
	if m := metricsBlock(cfg); m.Include != nil || m.Exclude != nil {
		stage, err := newContribFilter(cfg, set)
		r.Stage = stage
		return err
	}
	r.Passes = passes(cfg)
	return nil
}

// load reads a block as a configuration of contrib's.
func load(cfg any, block map[string]any, mode ottl.ErrorMode) error {
	if mode != "" {
		block["error_mode"] = string(mode)
	}
	if err := confmap.NewFromStringMap(block).Unmarshal(cfg); err != nil {
		return err
	}
	return confmap.Validate(cfg)
}

// passes are what the filter processor does one after the other: metric_conditions, or else metrics.
func passes(cfg *filterprocessor.Config) []rules.Pass {
	var list []rules.Pass
	for i, cc := range cfg.MetricConditions {
		key := fmt.Sprintf("metric_conditions[%d].conditions", i)
		list = append(list, rules.Pass{
			Lists:     []rules.Conditions{{Key: key, Context: string(cc.Context), Texts: cc.Conditions}},
			ErrorMode: cc.ErrorMode,
		})
	}
	if len(list) > 0 {
		return list
	}
	m := metricsBlock(cfg)
	return []rules.Pass{{Lists: []rules.Conditions{
		{Key: "metrics.resource", Context: "resource", Texts: m.ResourceConditions},
		{Key: "metrics.metric", Context: "metric", Texts: m.MetricConditions},
		{Key: "metrics.datapoint", Context: "datapoint", Texts: m.DataPointConditions},
	}}}
}

func metricsBlock(cfg *filterprocessor.Config) *filterprocessor.MetricFilters {
	return &cfg.Metrics //nolint:staticcheck // deprecated by contrib, and what users paste
}

// pasteTransform adds the block of the transform processor to a rule.
func (c *RuleConfig) pasteTransform(r *rules.Rule, mode ottl.ErrorMode) error {
	if c.MetricStatements == nil {
		return nil
	}
	cfg := transformprocessor.NewFactory().CreateDefaultConfig().(*transformprocessor.Config)
	if err := load(cfg, map[string]any{"metric_statements": c.MetricStatements}, mode); err != nil {
		return err
	}
	for i, cs := range cfg.MetricStatements {
		r.Groups = append(r.Groups, rules.Group{
			Key:        fmt.Sprintf("metric_statements[%d]", i),
			Context:    string(cs.Context),
			Conditions: cs.Conditions,
			Statements: cs.Statements,
			ErrorMode:  cs.ErrorMode,
		})
	}
	return nil
}

// contribFilter runs contrib's filter processor itself, for include and exclude. It edits in place, so that nobody need
// take what it sends on.
type contribFilter struct{ processor processor.Metrics }

func newContribFilter(cfg *filterprocessor.Config, set component.TelemetrySettings) (rules.Stage, error) {
	sink, err := consumer.NewMetrics(func(context.Context, pmetric.Metrics) error { return nil })
	if err != nil {
		return nil, err
	}
	factory := filterprocessor.NewFactory()
	p, err := factory.CreateMetrics(context.Background(), processor.Settings{
		ID: component.NewID(factory.Type()),
		TelemetrySettings: component.TelemetrySettings{
			Logger:         set.Logger,
			MeterProvider:  noop.NewMeterProvider(),
			TracerProvider: nooptrace.NewTracerProvider(),
			Resource:       pcommon.NewResource(),
		},
	}, cfg, sink)
	return contribFilter{p}, err
}

func (contribFilter) Key() string { return "metrics.include, metrics.exclude" }

func (f contribFilter) Run(ctx context.Context, md pmetric.Metrics, c *rules.Counts) error {
	before := md.DataPointCount()
	err := f.processor.ConsumeMetrics(ctx, md)
	dropped := before - md.DataPointCount()
	c.Matched += dropped
	c.Dropped += dropped
	return err
}
