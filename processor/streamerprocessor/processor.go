package streamerprocessor

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/sluice-metrics/sluice/extension/observerextension"
	"github.com/sluice-metrics/sluice/internal/rules"
)

// streamer runs a program of rules over each batch. What the program remembers of series ages as batches come.
type streamer struct {
	program *rules.Program
	limit   *limit
	report  *report
	sweeps  bool
	counts  sync.Pool
	buffer  *buffered // nil without one
	// observer is the ID of what is told, publisher that itself, both nil if there is none.
	observer  *component.ID
	publisher observerextension.Publisher
}

func newStreamer(set processor.Settings, cfg *Config) (*streamer, error) {
	program, err := cfg.compile(set.TelemetrySettings, cfg.registered)
	if err != nil {
		return nil, err
	}
	r, err := newReport(set, program)
	if err != nil {
		return nil, err
	}
	logClasses(set.Logger, program.Classes(), cfg.Memoize)
	s := &streamer{program: program, limit: newLimit(cfg.RateLimit), report: r, sweeps: program.Sweeps(), observer: cfg.Observer}
	s.counts.New = func() any {
		counts := make([]rules.Counts, len(program.Names()))
		return &counts
	}
	return s, nil
}

// start looks the observer up, and opens the buffer.
func (s *streamer) start(_ context.Context, host component.Host) error {
	if err := s.find(host); err != nil || s.buffer == nil {
		return err
	}
	return s.buffer.start(host) //nolint:contextcheck // the buffer outlives the start
}

func (s *streamer) find(host component.Host) error {
	if s.observer == nil {
		return nil
	}
	subject, err := observerextension.Find(host, *s.observer)
	if err != nil {
		return fmt.Errorf("observer: %w", err)
	}
	s.publisher = subject
	return nil
}

// process applies the rules: to md in place, or to a copy if it is shared and a rule changes it. A batch the rules emptied
// goes no further; one that came in empty does, unless a rule removes such things.
func (s *streamer) process(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	if err := s.check(ctx, md.DataPointCount()); err != nil {
		return md, err
	}
	resources := md.ResourceMetrics().Len()
	counts := s.counts.Get().(*[]rules.Counts)
	defer s.counts.Put(counts)
	out, err := s.run(ctx, md, *counts)
	if err != nil {
		return out, err
	}
	if out != md {
		pref.MarkPipelineOwnedMetrics(out) // or, while pdata pools, the first of two exporters would give the copy back
	}
	if out.ResourceMetrics().Len() == 0 && (resources > 0 || s.sweeps) {
		return out, processorhelper.ErrSkipProcessingData
	}
	if s.publisher != nil {
		s.publisher.Publish(ctx, out)
	}
	return out, nil
}

func (s *streamer) run(ctx context.Context, md pmetric.Metrics, counts []rules.Counts) (pmetric.Metrics, error) {
	traced, span := s.report.begin(ctx, md)
	out, err := s.program.Run(traced, md, counts)
	s.report.end(ctx, span, counts, err)
	if err == nil {
		s.report.applied(ctx, counts)
		return out, nil
	}
	s.report.refused(ctx, counts)
	if errors.Is(err, rules.ErrRunaway) || errors.Is(err, rules.ErrPanic) {
		err = consumererror.NewPermanent(err)
	}
	return out, err
}

func (s *streamer) shutdown(ctx context.Context) error {
	defer s.report.close()
	if s.buffer == nil {
		return nil
	}
	return s.buffer.shutdown(ctx)
}
