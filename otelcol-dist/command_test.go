package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/goleak"

	"github.com/sluice-metrics/sluice/config"
)

func TestMain(m *testing.M) {
	// opencensus, a dependency of the Kafka exporter, starts this one when it is imported.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func TestLocations(t *testing.T) {
	for _, tc := range []struct {
		configs, sets, want []string
	}{
		{nil, nil, []string{config.Default}},
		{[]string{"a.yaml", "b.yaml"}, nil, []string{"a.yaml", "b.yaml"}},
		{nil, []string{"exporters.debug.verbosity=basic"}, []string{config.Default, "yaml:exporters::debug::verbosity: basic"}},
		{[]string{"a.yaml"}, []string{"k = v=w "}, []string{"a.yaml", "yaml:k: v=w"}},
	} {
		got, err := (&sources{tc.configs, tc.sets}).locations()
		require.NoError(t, err)
		assert.Equal(t, tc.want, got)
	}
	_, err := (&sources{sets: []string{"novalue"}}).locations()
	require.ErrorIs(t, err, errNoEqualSign)
}

func TestTracingFromEnvironment(t *testing.T) {
	type env = map[string]string
	const endpoint = "http://sink:4318/v1/traces"
	otlp := func(protocol string) []any {
		exporter := map[string]any{"otlp": map[string]any{"endpoint": endpoint, "protocol": protocol}}
		return []any{map[string]any{"batch": map[string]any{"exporter": exporter}}}
	}
	resource := map[string]any{"attributes": []any{map[string]any{"name": "service.name", "value": "mine"}}}
	for name, tc := range map[string]struct {
		env        env
		conf       map[string]any
		processors any
		resource   any
	}{
		"nothing asked":   {env{"OTEL_SERVICE_NAME": "edge"}, nil, nil, nil},
		"endpoint":        {env{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint}, nil, otlp("http/protobuf"), nil},
		"service name":    {env{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "edge"}, nil, otlp("http/protobuf"), map[string]any{"service.name": "edge"}},
		"protocol":        {env{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, nil, otlp("grpc"), nil},
		"traces protocol": {env{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, nil, otlp("grpc"), nil},
		"own processors":  {env{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "edge"}, map[string]any{processorsKey: []any{"own"}}, []any{"own"}, nil},
		"own resource":    {env{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "edge"}, map[string]any{resourceKey: resource}, otlp("http/protobuf"), resource},
	} {
		t.Run(name, func(t *testing.T) {
			conf := confmap.NewFromStringMap(tc.conf)
			convert := tracingFromEnvironment(func(k string) string { return tc.env[k] }).Create(confmap.ConverterSettings{})
			require.NoError(t, convert.Convert(t.Context(), conf))
			assert.Equal(t, tc.processors, conf.Get(processorsKey))
			assert.Equal(t, tc.resource, conf.Get(resourceKey))
		})
	}
}

// execute runs the command line args and returns what it printed.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var outcome exitCode
	cmd := newCommand(nil, &outcome)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestShippedConfigurationsAreValid(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"--config", "builtin:production"},
		{"--config", "builtin:kubernetes"},
		{"--config", "builtin:forward"},
		{"--config", "builtin:default", "--config", "builtin:development"},
	} {
		_, err := execute(t, append([]string{"validate"}, args...)...)
		assert.NoError(t, err, args)
	}
}

func TestGoodConfigurationsAreValid(t *testing.T) {
	good, err := filepath.Glob("../testdata/config/good/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, good)
	for _, file := range good {
		_, err := execute(t, "validate", "--config", file)
		assert.NoError(t, err, file)
	}
}

func TestBadConfigurationsAreRefusedByName(t *testing.T) {
	for file, says := range map[string][]string{
		"not_yaml.yaml":           {"yaml"},
		"unknown_component.yaml":  {`unknown type: "prometheus_pul"`},
		"unknown_key.yaml":        {"'exporters'", "metrics_pth"},
		"unknown_top_level.yaml":  {"invalid keys: pipelines"},
		"undefined_exporter.yaml": {"service::pipelines::metrics", `exporter "otlp_grpc" which is not configured`},
		"bad_rule.yaml":           {"streamer", "rules[0]"},
	} {
		t.Run(file, func(t *testing.T) {
			_, err := execute(t, "validate", "--config", "../testdata/config/bad/"+file)
			require.Error(t, err)
			for _, s := range says {
				require.ErrorContains(t, err, s)
			}
		})
	}
}

func TestVersionNamesTheCommit(t *testing.T) {
	commit = "0123456789ab"
	t.Cleanup(func() { commit = "" })
	out, err := execute(t, "--version")
	require.NoError(t, err)
	assert.Equal(t, "sluice version "+version+" (commit 0123456789ab)\n", out)
}

func TestUnknownArgumentIsRefused(t *testing.T) {
	_, err := execute(t, "serve")
	require.ErrorContains(t, err, "serve")
}

func TestValidateSeesSingleSettings(t *testing.T) {
	_, err := execute(t, "validate", "--set", `processors.streamer.rules=[{drop: ["metric.nme == 1"]}]`)
	require.ErrorContains(t, err, "processors::streamer: rules[0]")
	_, err = execute(t, "validate", "--set", `processors.streamer.rules=[{drop: ["metric.name == \"a\""]}]`)
	require.NoError(t, err)
}
