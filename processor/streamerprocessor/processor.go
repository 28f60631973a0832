package streamerprocessor

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/sluice-metrics/sluice/internal/rules"
)

// streamer runs a program of rules over each batch. What the program remembers of series ages as batches come, so there is
// nothing to start or stop.
type streamer struct {
	program *rules.Program
	report  *report
}

func newStreamer(set processor.Settings, cfg *Config) (*streamer, error) {
	program, err := cfg.compile(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	r, err := newReport(set, program.Names())
	if err != nil {
		return nil, err
	}
	logClasses(set.Logger, program.Classes(), cfg.Memoize)
	return &streamer{program: program, report: r}, nil
}

// process applies the rules to md in place. A batch the rules emptied goes no further; one that came in empty does.
func (s *streamer) process(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	resources := md.ResourceMetrics().Len()
	counts, err := s.program.Run(ctx, md)
	if err != nil {
		s.report.refused(ctx, counts)
		if errors.Is(err, rules.ErrRunaway) {
			err = consumererror.NewPermanent(err)
		}
		return md, err
	}
	s.report.applied(ctx, counts)
	if resources > 0 && md.ResourceMetrics().Len() == 0 {
		return md, processorhelper.ErrSkipProcessingData
	}
	return md, nil
}
