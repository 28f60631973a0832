package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
		got, err := locations(tc.configs, tc.sets)
		require.NoError(t, err)
		assert.Equal(t, tc.want, got)
	}
	_, err := locations(nil, []string{"novalue"})
	require.ErrorIs(t, err, errNoEqualSign)
}

func TestTracingFromEnvironment(t *testing.T) {
	env := map[string]string{}
	getenv := func(k string) string { return env[k] }
	env["OTEL_SERVICE_NAME"] = "edge"
	assert.Empty(t, tracingFromEnvironment(getenv))

	env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "http://sink:4318/v1/traces"
	assert.Equal(t, []string{
		`yaml:service::telemetry::traces::processors: [{batch: {exporter: {otlp: {protocol: "http/protobuf", endpoint: "http://sink:4318/v1/traces"}}}}]`,
		`yaml:service::telemetry::resource: {service.name: "edge"}`,
	}, tracingFromEnvironment(getenv))

	env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc"
	assert.Contains(t, tracingFromEnvironment(getenv)[0], `protocol: "grpc"`)
	env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
	assert.Contains(t, tracingFromEnvironment(getenv)[0], `protocol: "http/protobuf"`)
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
		{"--config", "builtin:default", "--config", "builtin:development"},
	} {
		_, err := execute(t, append([]string{"validate"}, args...)...)
		assert.NoError(t, err, args)
	}
}

// TestCorpus holds every configuration of testdata against what its name says of it.
func TestCorpus(t *testing.T) {
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
