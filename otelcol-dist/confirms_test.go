package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// warningsOf are the warnings about a configuration: pipeline, streamer, who does not confirm, and the change.
func warningsOf(t *testing.T, yaml string) (found []string) {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	before := conf.ToStringMap()
	core, log := observer.New(zapcore.InfoLevel)
	c := confirming(components).Create(confmap.ConverterSettings{Logger: zap.New(core)})
	require.NoError(t, c.Convert(t.Context(), conf))
	assert.Equal(t, before, conf.ToStringMap(), "nothing is changed")
	for _, e := range log.All() {
		assert.Equal(t, zapcore.WarnLevel, e.Level)
		assert.Equal(t, unconfirmedMessage, e.Message)
		f := e.ContextMap()
		who := "exporter"
		if f[who] == nil {
			who = "processor"
		}
		found = append(found, strings.Join([]string{f["pipeline"].(string), f["streamer"].(string), who, f[who].(string), f["change"].(string)}, " | "))
	}
	return found
}

func TestExportersThatDoNotConfirm(t *testing.T) {
	for exporter, changes := range map[string][]string{
		"otlp_http: {endpoint: 'http://x'}":    {"sending_queue::wait_for_result: true"},
		"otlphttp/old: {endpoint: 'http://x'}": {"sending_queue::wait_for_result: true"},
		"otlp_http:":                           {"sending_queue::wait_for_result: true"},
		"otlp_grpc/a: {endpoint: 'x:1', sending_queue: {queue_size: 3}}": {"sending_queue::wait_for_result: true"},
		"otlp_grpc: {sending_queue: {storage: file_storage}}":            {"sending_queue::enabled: false"},
		"otlp_grpc: {sending_queue: {enabled: false}}":                   nil,
		"otlp_grpc: {sending_queue: {wait_for_result: true, batch: {}}}": nil,
		"kafka:": {"sending_queue::wait_for_result: true"},
		"prometheusremotewrite: {endpoint: 'http://x'}":                                       {"remote_write_queue::enabled: false"},
		"prometheusremotewrite: {remote_write_queue: {enabled: false}, wal: {directory: /x}}": {"wal: null"},
		"prometheusremotewrite: {remote_write_queue: {enabled: false}}":                       nil,
		"loadbalancing:": {"protocol::otlp::sending_queue::wait_for_result: true"},
		"loadbalancing: {protocol: {otlp: {sending_queue: {enabled: false}}}}":                    nil,
		"loadbalancing: {sending_queue: {}, protocol: {otlp: {sending_queue: {enabled: false}}}}": {"sending_queue::wait_for_result: true"},
		"prometheus_pull: {endpoint: 'localhost:1'}":                                              nil,
		"prometheus: {endpoint: 'localhost:1'}":                                                   nil,
		"pushgateway: {endpoint: 'http://x'}":                                                     nil,
		"debug:":                                                                                  nil,
		"debug: {sending_queue: {}}":                                                              {"sending_queue::wait_for_result: true"},
		"nop:":                                                                                    nil,
		"no_such_type: {sending_queue: {}}":                                                       nil,
		"otlp_grpc: {sending_queue: 7}":                                                           nil,
		"otlp_grpc: {nosuch: 7}":                                                                  nil,
	} {
		id, _, _ := strings.Cut(exporter, ":")
		var want []string
		for _, c := range changes {
			want = append(want, "metrics | streamer | exporter | "+id+" | exporters::"+id+"::"+c)
		}
		assert.Equal(t, want, warningsOf(t, `
processors: {streamer: {buffer: {directory: /x}}}
exporters: {`+exporter+`}
service: {pipelines: {metrics: {receivers: [otlp], processors: [streamer], exporters: [`+id+`]}}}`), exporter)
	}
}

func TestProcessorsThatDoNotConfirm(t *testing.T) {
	const batch = "service::pipelines::metrics::processors: without batch/x; buffer::batch of the streamer makes batches"
	for name, tc := range map[string]struct {
		streamer, other, processors string
		want                        []string
	}{
		"no buffer":                       {"{rules: []}", "", "streamer, batch/x", nil},
		"a buffer with defaults":          {"{buffer: }", "", "streamer, batch/x", []string{"metrics | streamer | processor | batch/x | " + batch}},
		"a buffer":                        {"{buffer: {max_bytes: 7}}", "", "streamer, batch/x", []string{"metrics | streamer | processor | batch/x | " + batch}},
		"a buffer that is off":            {"{buffer: {enabled: false}}", "", "streamer, batch/x", nil},
		"batch before":                    {"{buffer: }", "", "batch/x, streamer", nil},
		"others behind":                   {"{buffer: }", "", "streamer, memory_limiter, resource, deltatocumulative, streamer/2", nil},
		"a buffer behind":                 {"{buffer: }", "{buffer: {acknowledge: accepted}}", "streamer, streamer/2", []string{"metrics | streamer | processor | streamer/2 | processors::streamer/2::buffer::acknowledge: persisted"}},
		"a buffer behind that persists":   {"{buffer: }", "{buffer: {acknowledge: persisted}}", "streamer, streamer/2", nil},
		"buffers behind each other, both": {"{buffer: }", "{buffer: {acknowledge: persisted}}", "streamer, streamer/2, batch/x", []string{"metrics | streamer | processor | batch/x | " + batch, "metrics | streamer/2 | processor | batch/x | " + batch}},
	} {
		assert.Equal(t, tc.want, warningsOf(t, `
processors: {streamer: `+tc.streamer+`, streamer/2: `+tc.other+`, batch/x: , memory_limiter: , resource: , deltatocumulative: }
exporters: {nop: }
service: {pipelines: {metrics: {receivers: [otlp], processors: [`+tc.processors+`], exporters: [nop]}}}`), name)
	}
}

func TestWhatDoesNotConfirmBehindConnectors(t *testing.T) {
	assert.Equal(t, []string{
		"metrics | streamer | exporter | otlp_grpc | exporters::otlp_grpc::sending_queue::wait_for_result: true",
		"metrics | streamer | processor | batch | service::pipelines::metrics/behind::processors: without batch; buffer::batch of the streamer makes batches",
		"metrics | streamer | exporter | kafka | exporters::kafka::sending_queue::wait_for_result: true",
		"metrics/other | streamer | exporter | otlp_grpc | exporters::otlp_grpc::sending_queue::wait_for_result: true",
	}, warningsOf(t, `
processors: {streamer: {buffer: }, batch: }
exporters: {otlp_grpc: , kafka: , otlp_http: }
connectors: {forward: , forward/back: }
service:
  pipelines:
    metrics: {receivers: [otlp], processors: [streamer], exporters: [otlp_grpc, forward]}
    metrics/before: {receivers: [otlp], processors: [batch], exporters: [otlp_http]}
    metrics/behind: {receivers: [forward, forward/back], processors: [batch], exporters: [kafka, otlp_grpc, forward/back]}
    metrics/other: {receivers: [otlp], processors: [streamer], exporters: [otlp_grpc]}
    traces: {receivers: [forward], exporters: [otlp_http]}`))
}

// What is wrong with a configuration is for the collector to say.
func TestConfigurationsThatCannotBeReadAreNotWarnedOf(t *testing.T) {
	for _, yaml := range []string{
		"", "processors: 7", "processors: {streamer: 7}", "processors: {streamer: {buffer: }}",
		"{processors: {streamer: {buffer: }}, service: 7}",
		"{processors: {streamer: {buffer: }}, service: {pipelines: {metrics: 7}}}",
		"{processors: {streamer: {buffer: }}, service: {pipelines: {metrics: {processors: [streamer], exporters: [nosuch, '', 'otlp_grpc/']}}}}",
		"{processors: {streamer: {buffer: }}, exporters: 7, connectors: [], service: {pipelines: {metrics: {processors: [streamer], exporters: [otlp/x]}}}}",
	} {
		if yaml == "" {
			yaml = "{}"
		}
		assert.LessOrEqual(t, len(warningsOf(t, yaml)), 1, yaml)
	}
	core, log := observer.New(zapcore.InfoLevel)
	broken := func() (otelcol.Factories, error) { return otelcol.Factories{}, errors.New("no factories") }
	conf := confmap.NewFromStringMap(map[string]any{"processors": map[string]any{"streamer": map[string]any{"buffer": nil}}})
	require.NoError(t, confirming(broken).Create(confmap.ConverterSettings{Logger: zap.New(core)}).Convert(t.Context(), conf))
	require.NoError(t, confirming(components).Create(confmap.ConverterSettings{}).Convert(t.Context(), conf))
	assert.Zero(t, log.Len())
}

const unconfirmedConfig = `
receivers: {shared: }
processors: {streamer: {buffer: {max_bytes: 7}}}
exporters: {otlp_http: {endpoint: "http://127.0.0.1:1"}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [shared], processors: [streamer], exporters: [otlp_http]}}`

func TestWarningIsInTheLogAtStartUpAndAtEachReload(t *testing.T) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // one that comes too early or too late does not end the process
	w := newWorld(t, 0)
	set := w.settings([]string{unconfirmedConfig})
	set.Factories = func() (otelcol.Factories, error) {
		f, err := w.factories()
		f.Processors[streamerType] = bufferFactory()
		return f, err
	}
	stop := w.collectWith(set)
	defer stop()
	warnings := func() []observer.LoggedEntry { return w.log.FilterMessage(unconfirmedMessage).All() }
	require.Len(t, warnings(), 1)
	assert.Equal(t, "otlp_http", warnings()[0].ContextMap()["exporter"])
	assert.Eventually(t, func() bool {
		_ = syscall.Kill(os.Getpid(), syscall.SIGHUP)
		return len(warnings()) > 1
	}, arrivalTimeout, 50*time.Millisecond)
}

// bufferFactory is of a processor that has the streamer's name and a buffer section, and does nothing.
func bufferFactory() processor.Factory {
	cfg := func() component.Config {
		return &struct {
			Buffer map[string]any `mapstructure:"buffer"`
		}{}
	}
	create := func(_ context.Context, _ processor.Settings, _ component.Config, next consumer.Metrics) (processor.Metrics, error) {
		return curious{Metrics: next}, nil
	}
	return processor.NewFactory(streamerType, cfg, processor.WithMetrics(create, component.StabilityLevelStable))
}

func TestValidateShowsWarnings(t *testing.T) {
	out, _ := execute(t, "validate", "--config", "yaml:"+strings.ReplaceAll(unconfirmedConfig, "shared", "otlp"))
	assert.Contains(t, out, "warn: "+unconfirmedMessage)
	assert.Contains(t, out, `exporters::otlp_http::sending_queue::wait_for_result: true`)
	out, err := execute(t, "validate")
	require.NoError(t, err)
	assert.Empty(t, out)
}
