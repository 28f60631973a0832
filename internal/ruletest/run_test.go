package ruletest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.yaml.in/yaml/v3"

	"github.com/sluice-metrics/sluice/internal/ruletest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

// loaded is a configuration of nothing but processors, all of which are streamers.
type loaded map[string]component.Config

func load(_ context.Context, locations []string) (ruletest.Configuration, error) {
	if len(locations) == 0 {
		locations = []string{"yaml:processors: {streamer: {rules: [{name: none, drop: ['metric.name == \"none\"']}]}}"}
	}
	text, inline := strings.CutPrefix(locations[0], "yaml:")
	if !inline {
		content, err := os.ReadFile(locations[0])
		if err != nil {
			return nil, err
		}
		text = string(content)
	}
	var content struct{ Processors map[string]map[string]any }
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		return nil, err
	}
	c := loaded{}
	for id, section := range content.Processors {
		cfg := streamerprocessor.NewFactory().CreateDefaultConfig()
		if err := confmap.NewFromStringMap(section).Unmarshal(cfg); err != nil {
			return nil, err
		}
		c[id] = cfg
	}
	return c, nil
}

func (c loaded) Streamers(pipeline string) ([]string, error) {
	switch {
	case pipeline == "both":
		return []string{"streamer/a", "streamer/b"}, nil
	case pipeline != "":
		return nil, fmt.Errorf("no pipeline %q", pipeline)
	}
	var ids []string
	for id := range c {
		ids = append(ids, id)
	}
	return ids, nil
}

func (c loaded) Rules(id string) (ruletest.Rules, error) {
	cfg, ok := c[id]
	if !ok {
		return nil, fmt.Errorf("no processor %q", id)
	}
	t, err := streamerprocessor.NewTrial(cfg)
	return trial{t}, err
}

type trial struct{ *streamerprocessor.Trial }

func (t trial) Names() []string { return t.RuleNames() }

func (t trial) Run(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, []ruletest.Count, error) {
	out, counts, err := t.Trial.Run(ctx, md)
	var same []ruletest.Count
	for _, c := range counts {
		same = append(same, ruletest.Count(c))
	}
	return out, same, err
}

// run runs a file and returns what it printed, with the file's name as F.
func run(t *testing.T, text string, o ruletest.Options) (string, ruletest.Tally, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	var out bytes.Buffer
	tally, err := ruletest.Run(t.Context(), file, load, o, &out)
	if err != nil {
		err = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), file, "F")) //nolint:err113 // only its text matters
	}
	return strings.ReplaceAll(out.String(), file, "F"), tally, err
}

const oneRule = `
processors:
  streamer:
    rules:
      - name: no-dev
        drop: ['datapoint.attributes["env"] == "dev"']
tests:
  - name: it
`

const twoStreamers = `
processors:
  streamer/a: {rules: [{name: first, transform: ['set(datapoint.attributes["a"], "1")']}, {name: same, drop: ['metric.name == "x"']}]}
  streamer/b: {rules: [{name: second, drop: ['datapoint.attributes["a"] == "1"']}, {name: same, drop: ['metric.name == "x"']}]}
tests:
  - name: it
`

func TestRun(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"passes": {oneRule + `
    inputs: [{text: "a{env=\"dev\"} 1\na 2\n"}]
    expect: {text: "a 2", rules: {no-dev: {matched: 1, dropped: 1, changed: 0, errors: 0}}}
`, "ok    F:8: it\n"},
		"a label too many": {oneRule + `
    inputs: [{text: "a{env=\"dev\"} 1\na{env=\"prod\"} 2\n"}]
    expect:
      text: a 2
`, "FAIL  F:8: it\n      tests[0].expect.text, line 12: - is expected, + came out\n        - a 2\n        + a{env=\"prod\"} 2\n"},
		"other counts": {oneRule + `
    inputs: [{text: "a 2\n"}, {text: "a 3\n"}]
    expect:
      rules:
        no-dev: {matched: 1, errors: 0, dropped: 2}
`, "FAIL  F:8: it\n      tests[0].expect.rules.no-dev, line 13\n        dropped: expected 2, got 0\n        matched: expected 1, got 0\n"},
		"nothing asserted": {oneRule + `
    inputs: [{text: "a{env=\"dev\"} 1\n", target: {instance: "h:1"}}]
`, "shown F:8: it\n      nothing comes out\n      rule     matched   dropped   changed    errors\n      no-dev         1         1         0         0\n"},
		"expectation of an input": {oneRule + `
    inputs:
      - text: "a 2\n"
        expect: {text: a 3}
`, "FAIL  F:8: it\n      tests[0].inputs[0].expect.text, line 12: - is expected, + came out\n        + a 2\n        - a 3\n"},
		"what is gone gets markers": {oneRule + `
    inputs: [{text: "a 2\nb 1\n"}, {text: "b 3\n", at: 90s, expect: {text: "a NaN 1735689690000\nb 3 1735689690000"}}]
`, "ok    F:8: it\n"},
		"report": {oneRule + `
    inputs: [{text: "a 2\n", report: true}]
    expect: {text: "a 2\nup 1\nscrape_duration_seconds 0\nscrape_samples_scraped 1\nscrape_samples_post_metric_relabeling 1\nscrape_series_added 1"}
`, "ok    F:8: it\n"},
		"OpenMetrics": {oneRule + `
    inputs: [{text: "# TYPE a counter\na_total 2\n# EOF\n"}]
    expect: {text: "# TYPE a counter\na_total 2\n# EOF"}
`, "ok    F:8: it\n"},
		"streamers in a row": {twoStreamers + `
    pipeline: both
    inputs: [{text: "a 2\n"}]
    expect: {text: "", rules: {first: {changed: 1}, "streamer/b:second": {dropped: 1}, "streamer/a:same": {dropped: 0}}}
`, "ok    F:6: it\n"},
		"one of several streamers": {twoStreamers + `
    streamer: streamer/b
    inputs: [{text: "a{a=\"1\"} 2\n"}]
    expect: {rules: {second: {dropped: 1}}}
`, "ok    F:6: it\n"},
		"errors of rules are noted": {`
processors: {streamer: {rules: [{name: r, transform: ['set(metric.unit, Substring(metric.name, 0, 99))']}]}}
tests:
  - name: it
    inputs: [{text: "a 1\n"}]
    expect: {rules: {r: {errors: 1}}}
`, "ok    F:4: it\n      note: rule r: 1 errors, the first: set(metric.unit, Substring(metric.name, 0, 99)): "},
		"refused": {`
processors: {streamer: {error_mode: propagate, rules: [{name: r, transform: ['set(metric.unit, Substring(metric.name, 0, 99))']}]}}
tests:
  - name: it
    inputs: [{text: "a 1\n"}]
    expect: {text: "a 1"}
`, "FAIL  F:4: it\n      tests[0].inputs[0]: the batch was refused:\n        rule \"r\": set(metric.unit"},
		"refused as expected": {`
processors: {streamer: {error_mode: propagate, rules: [{name: r, transform: ['set(metric.unit, Substring(metric.name, 0, 99))']}]}}
tests:
  - name: it
    inputs: [{text: "a 1\n"}]
    expect: {error: Substring}
`, "ok    F:4: it\n"},
		"not refused": {oneRule + `
    inputs: [{text: "a 1\n"}]
    expect: {error: Substring}
`, "FAIL  F:8: it\n      tests[0].expect.error, line 11\n        expected \"Substring\", got <nil>\n"},
		"the caller's configuration": {`
tests:
  - name: it
    inputs: [{text: "none 1\n"}]
    expect: {rules: {none: {dropped: 1}}}
`, "ok    F:3: it\n"},
	} {
		t.Run(name, func(t *testing.T) {
			out, tally, err := run(t, tt.file, ruletest.Options{})
			require.NoError(t, err)
			assert.Equal(t, tt.want, out[:min(len(out), len(tt.want))], out)
			words := map[string]ruletest.Tally{"ok": {Passed: 1}, "FAIL": {Failed: 1}, "shown": {Shown: 1}}
			assert.Equal(t, words[strings.Fields(tt.want)[0]], tally)
		})
	}
}

func TestProblemsNameFileLineAndKey(t *testing.T) {
	for name, tt := range map[string]struct {
		file string
		want []string
	}{
		"empty":          {"", []string{"F: the file is empty"}},
		"not YAML":       {"tests: [", []string{"F:1: "}},
		"unknown key":    {oneRule + "    inputs: [{text: \"\", foo: 1}]\n", []string{"F:9: unknown key foo"}},
		"wrong type":     {"tests:\n  - name: [1]\n", []string{"F:2: cannot unmarshal !!seq into string"}},
		"wrong mapping":  {"tests: 5\n", []string{"F:1: cannot unmarshal !!int `5`"}},
		"no tests":       {"config: a.yaml\n", []string{"F:1: tests: at least one test must be there"}},
		"no name":        {"tests:\n  - inputs: [{text: \"\"}]\n", []string{"F:2: tests[0].name: must be there"}},
		"no input":       {"tests:\n  - name: it\n", []string{"F:2: tests[0].inputs: at least one input must be there"}},
		"same name":      {"tests:\n  - {name: it, inputs: [{text: \"\"}]}\n  - {name: it, inputs: [{text: \"\"}]}\n", []string{`F:3: tests[1].name: "it" is the name of tests[0] too`}},
		"two at once":    {oneRule + "    streamer: a\n    pipeline: b\n    inputs: [{text: \"\", otlp: {}}]\n", []string{"F:10: tests[0].pipeline: must not stand beside streamer", "F:11: tests[0].inputs[0]: exactly one of text, text_file, otlp and otlp_file must be there"}},
		"two sources":    {"config: a\n" + oneRule + "    inputs: [{text: \"\"}]\n", []string{"F:4: processors: must not stand beside config"}},
		"OTLP at":        {oneRule + "    inputs: [{otlp: {}, at: 1s}]\n", []string{"F:9: tests[0].inputs[0]: target, at and report are for text and text_file"}},
		"back in time":   {oneRule + "    inputs: [{text: \"a 1\\n\", at: 1s}, {text: \"a 1\\n\", at: 1s}]\n", []string{"F:9: tests[0].inputs[1].at: must be after the input before"}},
		"empty expect":   {oneRule + "    inputs: [{text: \"\"}]\n    expect: {}\n", []string{"F:10: tests[0].expect: must not be empty: "}},
		"empty counts":   {oneRule + "    inputs: [{text: \"\"}]\n    expect: {rules: {no-dev: {}}}\n", []string{"F:10: tests[0].expect.rules.no-dev: matched, dropped, changed or errors must be there"}},
		"unknown rule":   {oneRule + "    inputs: [{text: \"\"}]\n    expect: {rules: {other: {matched: 1}}}\n", []string{`F:10: tests[0].expect.rules.other: must be one of ["no-dev"]`}},
		"doubtful rule":  {twoStreamers + "    pipeline: both\n    inputs: [{text: \"\"}]\n    expect: {rules: {same: {matched: 1}}}\n", []string{`must be one of ["streamer/a:same" "streamer/b:same"]`}},
		"bad page":       {oneRule + "    inputs:\n      - text: |\n          a 1\n          b{ 1\n", []string{`F:12: tests[0].inputs[0].text: line 2: a label name was expected: "b{ 1"`}},
		"bad expected":   {oneRule + "    inputs: [{text: \"\"}]\n    expect:\n      text: |\n        a 1\n        b{ 1\n", []string{`F:13: tests[0].expect.text: line 2: a label name was expected`}},
		"lost samples":   {oneRule + "    inputs: [{text: \"a 1\\na 1\\n\"}]\n", []string{"F:9: tests[0].inputs[0].text: 1 samples have no form in OTLP: duplicate"}},
		"not OTLP":       {oneRule + "    inputs: [{otlp: '['}]\n", []string{"F:9: tests[0].inputs[0].otlp: not OTLP JSON: "}},
		"misspelt OTLP":  {oneRule + "    inputs: [{otlp: {resourceMetric: []}}]\n", []string{"F:9: tests[0].inputs[0].otlp: there are no resourceMetrics in it"}},
		"no such file":   {oneRule + "    inputs: [{otlp_file: gone.json}]\n", []string{"F:9: tests[0].inputs[0].otlp_file: open ", "gone.json"}},
		"no such page":   {oneRule + "    inputs: [{text_file: gone.txt}]\n", []string{"F:9: tests[0].inputs[0].text_file: open ", "gone.txt"}},
		"no such config": {"config: gone.yaml\ntests: [{name: it, inputs: [{text: \"\"}]}]\n", []string{"F:1: config: open ", "gone.yaml"}},
		"bad rule":       {"processors: {streamer: {rules: [{drop: ['metric.nme == 1']}]}}\ntests: [{name: it, inputs: [{text: \"\"}]}]\n", []string{"F:1: processors: rules[0]: drop[0]: ", "metric.nme"}},
		"which streamer": {twoStreamers + "    inputs: [{text: \"\"}]\n", []string{"F:3: processors: there are several streamers: name one of ", "streamer/a"}},
		"no streamer":    {"processors: {}\ntests: [{name: it, inputs: [{text: \"\"}]}]\n", []string{"F:1: processors: there is no streamer"}},
		"other streamer": {oneRule + "    streamer: streamer/x\n    inputs: [{text: \"\"}]\n", []string{`F:9: tests[0].streamer: no processor "streamer/x"`}},
		"other pipeline": {oneRule + "    pipeline: x\n    inputs: [{text: \"\"}]\n", []string{`F:9: tests[0].pipeline: no pipeline "x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, tally, err := run(t, tt.file, ruletest.Options{})
			require.Error(t, err)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "ruletest.", "a type of ours")
			assert.Zero(t, tally)
		})
	}
}

// What one test has wrong says nothing of the others.
func TestOtherTestsRunBesideABadOne(t *testing.T) {
	_, tally, err := run(t, oneRule+`
    inputs: [{text: "a{"}]
  - name: good
    inputs: [{text: "a 1\n"}]
    expect: {text: a 1}
`, ruletest.Options{})
	require.ErrorContains(t, err, "tests[0].inputs[0].text")
	assert.Equal(t, ruletest.Tally{Passed: 1}, tally)
}

// Rules of one test do not remember those of another.
func TestTestsBeginAnew(t *testing.T) {
	_, tally, err := run(t, `
processors: {streamer: {rules: [{constrain: {monotonic: true, on_violation: drop}}]}}
tests:
  - name: a
    inputs: [{text: "a 5\n"}, {text: "a 4\n"}]
    expect: {text: a 5}
  - name: b
    inputs: [{text: "a 4\n"}]
    expect: {text: a 4}
`, ruletest.Options{})
	require.NoError(t, err)
	assert.Equal(t, ruletest.Tally{Passed: 2}, tally)
}

func TestPrintedOTLPIsOTLP(t *testing.T) {
	out, _, err := run(t, oneRule+"    inputs: [{text: \"a 1\\n\"}]\n", ruletest.Options{OTLP: true})
	require.NoError(t, err)
	md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics([]byte(strings.TrimSpace(strings.Split(out, "\n")[1])))
	require.NoError(t, err)
	assert.Equal(t, 1, md.DataPointCount())
}

func TestVerbosePrintsWhatPasses(t *testing.T) {
	out, _, err := run(t, oneRule+"    inputs: [{text: \"a 1\\n\"}]\n    expect: {text: a 1}\n", ruletest.Options{Verbose: true})
	require.NoError(t, err)
	assert.Contains(t, out, "\n      a 1\n")
}
