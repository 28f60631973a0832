package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"

	"github.com/sluice-metrics/sluice/internal/ledger"
	"github.com/sluice-metrics/sluice/internal/overseer"
)

var (
	curiousType = component.MustNewType("curious")
	mutableType = component.MustNewType("mutable")
)

// curious is a processor that mutates nothing and asks what is behind it.
type curious struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Metrics
}

func (curious) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// mutable is an exporter that mutates.
type mutable struct {
	component.StartFunc
	component.ShutdownFunc
	consumertest.Consumer
}

func (mutable) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// answersOf builds the graph of a configuration and returns what its processors of type curious are told, by their IDs.
func answersOf(t *testing.T, pipelines string) map[string]bool {
	t.Helper()
	told := map[string]bool{}
	ask := func(_ context.Context, set processor.Settings, _ component.Config, next consumer.Metrics) (processor.Metrics, error) {
		told[set.ID.String()] = next.(interface{ PipelineMutates() bool }).PipelineMutates()
		return curious{Metrics: next}, nil
	}
	end := func(context.Context, exporter.Settings, component.Config) (exporter.Metrics, error) {
		return mutable{Consumer: consumertest.NewNop()}, nil
	}
	set := settings([]string{"yaml:" + `
receivers: {otlp: {protocols: {grpc: }}}
processors: {curious: , curious/1: , curious/2: , streamer: , memory_limiter: {check_interval: 1s, limit_mib: 4000}, batch: , resource: {attributes: [{action: delete, key: pod}]}}
exporters: {nop: , nop/2: , mutable: , mutable/2: }
connectors: {forward: , forward/2: }
service:
  pipelines: ` + pipelines})
	set.Factories = overseer.New(&ledger.Ledger{}, func() time.Duration { return 0 }).Wrap(func() (otelcol.Factories, error) {
		f, err := components()
		f.Processors[curiousType] = processor.NewFactory(curiousType, noConfig, processor.WithMetrics(ask, component.StabilityLevelStable))
		f.Exporters[mutableType] = exporter.NewFactory(mutableType, noConfig, exporter.WithMetrics(end, component.StabilityLevelStable))
		return f, err
	})
	require.NoError(t, dryRun(t.Context(), set))
	return told
}

// What a processor keeps for another try it may hand out without a copy only where nothing behind it mutates: the answer
// comes through all that the collector puts between the components of a pipeline.
func TestPipelineMutates(t *testing.T) {
	type told = map[string]bool
	for name, tc := range map[string]struct {
		processors, exporters string
		want                  told
	}{
		"nothing behind":                     {"curious", "nop", told{"curious": false}},
		"two that read":                      {"curious", "nop, nop/2", told{"curious": false}},
		"readers behind":                     {"curious, memory_limiter, streamer", "nop", told{"curious": false}},
		"a mutating processor behind":        {"curious, resource", "nop", told{"curious": true}},
		"a mutating processor two behind":    {"curious, streamer, resource", "nop", told{"curious": true}},
		"a mutating processor far behind":    {"curious, streamer, memory_limiter, curious/1, batch", "nop", told{"curious": true, "curious/1": true}},
		"a mutating processor before":        {"resource, curious", "nop", told{"curious": false}},
		"between mutating ones":              {"resource, curious, batch", "nop", told{"curious": true}},
		"a mutating exporter alone":          {"curious", "mutable", told{"curious": true}},
		"a mutating exporter, further":       {"curious, curious/1, curious/2", "mutable", told{"curious": true, "curious/1": true, "curious/2": true}},
		"mutating exporters alone":           {"curious", "mutable, mutable/2", told{"curious": true}},
		"a mutating exporter beside another": {"curious", "mutable, nop", told{"curious": false}},
		"the last of three":                  {"curious, resource, curious/1", "nop", told{"curious": true, "curious/1": false}},
	} {
		t.Run(name, func(t *testing.T) {
			pipelines := fmt.Sprintf(`{metrics: {receivers: [otlp], processors: [%s], exporters: [%s]}}`, tc.processors, tc.exporters)
			assert.Equal(t, tc.want, answersOf(t, pipelines))
			t.Run("with telemetry of pipelines", func(t *testing.T) {
				gate(t, "telemetry.newPipelineTelemetry")
				assert.Equal(t, tc.want, answersOf(t, pipelines))
			})
		})
	}
}

func TestPipelineMutatesBehindConnectors(t *testing.T) {
	type told = map[string]bool
	for name, tc := range map[string]struct {
		behind, beside string
		want           told
	}{
		"no":                      {"curious/1", "streamer", told{"curious": false, "curious/1": false}},
		"in the pipeline behind":  {"curious/1, resource", "", told{"curious": true, "curious/1": true}},
		"further":                 {"streamer, curious/1, resource", "", told{"curious": true, "curious/1": true}},
		"in one of two of them":   {"curious/1, resource", "curious/2", told{"curious": true, "curious/1": true, "curious/2": false}},
		"in the other, and later": {"curious/1", "curious/2, streamer, batch", told{"curious": true, "curious/1": false, "curious/2": true}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, answersOf(t, fmt.Sprintf(`{
				metrics: {receivers: [otlp], processors: [curious], exporters: [forward]},
				metrics/behind: {receivers: [forward], processors: [%s], exporters: [nop]},
				metrics/beside: {receivers: [forward], processors: [%s], exporters: [nop/2]}}`, tc.behind, tc.beside)))
		})
	}
}
