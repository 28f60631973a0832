package streamerprocessor

import (
	"cmp"
	"context"
	"errors"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/rules"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
)

// report turns what the rules did into self-metrics, spans and, at most once per rule and batch, a log line.
type report struct {
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	tracer    trace.Tracer
	rules     []ruleIdentity
	id        attribute.KeyValue
	// refusals are the attributes of what is refused, by reason.
	refusals [refusalReasons][]metric.AddOption
}

// refusal says why a batch is not let in.
type refusal int

const (
	refusedRate refusal = iota
	refusedFull
	refusedTooLarge
	refusedStopped
	refusalReasons
)

var refusalNames = [refusalReasons]string{"rate_limit", "buffer_full", "buffer_too_large", "shutdown"}

// ruleIdentity is how one rule shows up in logs and self-metrics.
type ruleIdentity struct {
	name string
	// attributes is a slice so that a recording passes it on without allocating one.
	attributes []metric.AddOption
}

func newReport(set processor.Settings, program *rules.Program) (*report, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	id := attribute.String("processor", set.ID.String())
	r := &report{logger: set.Logger, telemetry: telemetry, tracer: metadata.Tracer(set.TelemetrySettings), id: id}
	for i, name := range refusalNames {
		r.refusals[i] = added(id, attribute.String("reason", name))
	}
	for _, name := range program.Names() {
		r.rules = append(r.rules, ruleIdentity{name: name, attributes: added(id, attribute.String("rule", name))})
	}
	r.showAll()
	return r, r.observe(program)
}

// showAll makes the counters of all rules begin at 0, so that the first increase of each is seen as one.
func (r *report) showAll() {
	for i := range r.rules {
		for _, counter := range []metric.Int64Counter{
			r.telemetry.StreamerRuleMatched, r.telemetry.StreamerRuleDropped,
			r.telemetry.StreamerRuleChanged, r.telemetry.StreamerRuleErrors,
		} {
			counter.Add(context.Background(), 0, r.rules[i].attributes...)
		}
	}
}

func added(attributes ...attribute.KeyValue) []metric.AddOption {
	return []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attributes...))}
}

// observe reports what the program remembers.
func (r *report) observe(program *rules.Program) error {
	hit := metric.WithAttributes(r.id, attribute.String("outcome", "hit"))
	miss := metric.WithAttributes(r.id, attribute.String("outcome", "miss"))
	self := metric.WithAttributes(r.id)
	return errors.Join(
		r.telemetry.RegisterStreamerMemoSeriesCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(program.Remembered()), self)
			return nil
		}),
		r.telemetry.RegisterStreamerMemoLookupsCallback(func(_ context.Context, o metric.Int64Observer) error {
			lookups, misses := program.Lookups()
			o.Observe(lookups-misses, hit)
			o.Observe(misses, miss)
			return nil
		}),
	)
}

func (r *report) close() { r.telemetry.Shutdown() }

// begin starts a span if the batch is traced.
func (r *report) begin(ctx context.Context, md pmetric.Metrics) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, parent
	}
	return r.tracer.Start(ctx, "streamer/rules", trace.WithAttributes(
		attribute.Int("streamer.rules", len(r.rules)),
		attribute.Int("streamer.datapoints", md.DataPointCount()),
	))
}

// end ends the span that begin started, if it did.
func (r *report) end(ctx context.Context, span trace.Span, counts []rules.Counts, err error) {
	if !span.IsRecording() || span == trace.SpanFromContext(ctx) {
		return
	}
	for i := range counts {
		if c := &counts[i]; c.Matched+c.Dropped+c.Errors > 0 {
			span.AddEvent(r.rules[i].name, trace.WithAttributes(
				attribute.Int("matched", c.Matched), attribute.Int("dropped", c.Dropped),
				attribute.Int("changed", c.Changed), attribute.Int("errors", c.Errors)))
		}
	}
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// applied reports on a batch that was processed to the end.
func (r *report) applied(ctx context.Context, counts []rules.Counts) {
	for i := range counts {
		c, rule := &counts[i], &r.rules[i]
		count(ctx, r.telemetry.StreamerRuleMatched, c.Matched, rule)
		count(ctx, r.telemetry.StreamerRuleDropped, c.Dropped, rule)
		count(ctx, r.telemetry.StreamerRuleChanged, c.Changed, rule)
		count(ctx, r.telemetry.StreamerRuleErrors, c.Errors, rule)
		if c.FirstError != nil {
			r.logger.Warn("OTTL errors ignored", zap.String("rule", rule.name), zap.Int("errors", c.Errors), zap.Error(c.FirstError))
		}
		if c.Violation != nil {
			r.logger.Warn("constraint broken", zap.String("rule", rule.name), zap.Int("points", c.Matched), zap.NamedError("first", c.Violation))
		}
		if c.Samples != nil {
			r.logger.Info("dry run", zap.String("rule", rule.name),
				zap.Int("matched", c.Matched), zap.Int("would_drop", c.Dropped), zap.Int("would_change", c.Changed),
				zap.Strings("before", c.Samples.Before), zap.Strings("after", c.Samples.After))
		}
	}
}

// refused reports on a batch that a rule's error stopped. The rules matched and dropped nothing for good, and the error
// itself goes to the caller.
func (r *report) refused(ctx context.Context, counts []rules.Counts) {
	for i := range counts {
		count(ctx, r.telemetry.StreamerRuleErrors, counts[i].Errors, &r.rules[i])
	}
}

// count adds what there is. Most rules do nothing to most batches, and there may be many of both.
func count(ctx context.Context, counter metric.Int64Counter, n int, rule *ruleIdentity) {
	if n > 0 {
		counter.Add(ctx, int64(n), rule.attributes...)
	}
}

// refuse reports on a batch that was not let in.
func (r *report) refuse(ctx context.Context, why refusal, points int) {
	r.telemetry.StreamerRefusedDatapoints.Add(ctx, int64(points), r.refusals[why]...)
}

// logClasses says once how each condition and statement is evaluated.
func logClasses(logger *zap.Logger, classes []rules.Class, memoize bool) {
	var once, every []string
	for _, c := range classes {
		where := c.Rule + " " + c.Key
		if c.EveryTime == "" && memoize {
			once = append(once, where)
			continue
		}
		every = append(every, where+": "+cmp.Or(c.EveryTime, "memoize is false"))
	}
	if len(classes) > 0 {
		logger.Info("rules compiled", zap.Strings("evaluated_once_per_series", once), zap.Strings("evaluated_every_time", every))
	}
}
