package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/sluice-metrics/sluice/internal/ruletest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

// streamers are those of a configuration.
type streamers struct{ *otelcol.Config }

func readStreamers(ctx context.Context, locations []string) (_ ruletest.Configuration, err error) {
	set := settings(locations)
	factories, err := set.Factories()
	if err != nil {
		return nil, err
	}
	provider, err := otelcol.NewConfigProvider(set.ConfigProviderSettings)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, provider.Shutdown(context.WithoutCancel(ctx))) }()
	cfg, err := provider.Get(ctx, factories)
	if err != nil {
		return nil, err
	}
	return streamers{cfg}, nil
}

var streamerType = streamerprocessor.NewFactory().Type()

// Streamers implements ruletest.Configuration.
func (s streamers) Streamers(of string) ([]string, error) {
	ids := slices.SortedFunc(maps.Keys(s.Processors), func(a, b component.ID) int { return cmp.Compare(a.String(), b.String()) })
	if of != "" {
		var id pipeline.ID
		if err := id.UnmarshalText([]byte(of)); err != nil {
			return nil, err
		}
		p := s.Service.Pipelines[id]
		if p == nil {
			return nil, fmt.Errorf("the configuration has no pipeline %q", of)
		}
		ids = p.Processors
	}
	var found []string
	for _, id := range ids {
		if id.Type() == streamerType {
			found = append(found, id.String())
		}
	}
	return found, nil
}

// Rules implements ruletest.Configuration.
func (s streamers) Rules(streamer string) (ruletest.Rules, error) {
	var id component.ID
	if err := id.UnmarshalText([]byte(streamer)); err != nil {
		return nil, err
	}
	cfg, ok := s.Processors[id]
	if !ok {
		return nil, fmt.Errorf("the configuration has no processor %q", streamer)
	}
	t, err := streamerprocessor.NewTrial(cfg)
	if err != nil {
		return nil, fmt.Errorf("processors::%s: %w", streamer, err)
	}
	return trial{t}, nil
}

// trial is a streamer as tests see it.
type trial struct{ *streamerprocessor.Trial }

// Names implements ruletest.Rules.
func (t trial) Names() []string { return t.RuleNames() }

// Run implements ruletest.Rules.
func (t trial) Run(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, []ruletest.Count, error) {
	out, counts, err := t.Trial.Run(ctx, md)
	same := make([]ruletest.Count, 0, len(counts))
	for _, c := range counts {
		same = append(same, ruletest.Count(c))
	}
	return out, same, err
}
