package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// executeTest runs `sluice test` and returns what it printed and its exit code.
func executeTest(t *testing.T, args ...string) (string, exitCode) {
	t.Helper()
	var outcome exitCode
	cmd := newCommand(nil, &outcome)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append([]string{"test"}, args...))
	err := cmd.ExecuteContext(t.Context())
	assert.Equal(t, outcome == exitClean, err == nil, "%v, %v", outcome, err)
	return out.String(), outcome
}

const examples = "../processor/streamerprocessor/testdata/testing/"

// The example reads sluice.yaml and batch.json, which lie beside it.
func TestExampleOfRuleTestsPasses(t *testing.T) {
	out, code := executeTest(t, examples+"rules_test.yaml")
	assert.Equal(t, exitClean, code, out)
	assert.Contains(t, out, "4 passed, 0 failed, 0 shown\n")
}

func TestRuleTestsTakeTheConfigurationGiven(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules_test.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
streamer: streamer
tests:
  - name: threads go
    inputs: [{text: "go_threads 1\n"}]
    expect: {text: ""}
`), 0o600))
	for _, tc := range []struct {
		args []string
		code exitCode
		says string
	}{
		{nil, exitFailed, "+ go_threads 1"},
		{[]string{"--set", `processors.streamer.rules=[{drop: ["metric.name == \"go_threads\""]}]`}, exitClean, "1 passed"},
		{[]string{"--config", examples + "sluice.yaml"}, exitClean, "1 passed"},
		{[]string{"--config", "../testdata/config/bad/bad_rule.yaml"}, exitMisused, "processors::streamer: rules[0]"},
		{[]string{"--config", "../testdata/config/bad/unknown_key.yaml"}, exitMisused, "metrics_pth"},
		{[]string{"--config", "nosuch.yaml"}, exitMisused, "nosuch.yaml"},
		{[]string{"--set", "novalue"}, exitMisused, "must be key=value"},
		{[]string{"--nosuch"}, exitMisused, "unknown flag: --nosuch"},
	} {
		out, code := executeTest(t, append(tc.args, file)...)
		assert.Equal(t, tc.code, code, out)
		assert.Contains(t, out, tc.says)
	}
	out, code := executeTest(t)
	assert.Equal(t, exitMisused, code)
	assert.Contains(t, out, errNoFile.Error())
}

func TestRuleTestsOfAPipeline(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules_test.yaml")
	write := func(pipeline, streamer string) {
		require.NoError(t, os.WriteFile(file, []byte(`
pipeline: `+pipeline+`
streamer: `+streamer+`
tests:
  - name: it
    inputs: [{text: "requests_total 1\n"}]
    expect: {rules: {cluster: {changed: 1}}}
`), 0o600))
	}
	for _, tc := range []struct {
		pipeline, streamer string
		code               exitCode
		says               string
	}{
		{"metrics", "", exitClean, "1 passed"},
		{"metrics/other", "", exitMisused, `:2: pipeline: the configuration has no pipeline "metrics/other"`},
		{"no pipeline", "", exitMisused, ":2: pipeline: "},
		{"", "streamer/other", exitMisused, `:3: streamer: the configuration has no processor "streamer/other"`},
		{"", "", exitMisused, `: there are several streamers: name one of ["streamer" "streamer/late"] under streamer`},
		{"", "nop", exitMisused, `:3: streamer: the configuration has no processor "nop"`},
	} {
		write(tc.pipeline, tc.streamer)
		out, code := executeTest(t, "--config", examples+"sluice.yaml", file)
		assert.Equal(t, tc.code, code, out)
		assert.Contains(t, out, tc.says)
	}
}

func TestExampleOfReadmePasses(t *testing.T) {
	readme, err := os.ReadFile("../processor/streamerprocessor/README.md")
	require.NoError(t, err)
	_, block, ok := strings.Cut(string(readme), "```yaml\n# rules_test.yaml\n")
	require.True(t, ok)
	block, _, ok = strings.Cut(block, "```")
	require.True(t, ok)
	dir := t.TempDir()
	config, err := os.ReadFile(examples + "sluice.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sluice.yaml"), config, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules_test.yaml"), []byte(block), 0o600))
	out, code := executeTest(t, filepath.Join(dir, "rules_test.yaml"))
	assert.Equal(t, exitClean, code, out)
	assert.Contains(t, out, "1 passed")
}
