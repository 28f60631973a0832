package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sluice-metrics/sluice/bench/internal/report"
	"github.com/sluice-metrics/sluice/bench/internal/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	o, err := parse(nil)
	require.NoError(t, err)
	assert.Equal(t, defaultOut, o.out)
	assert.Equal(t, "short", o.plan().Name)
	assert.Equal(t, "cd bench && go run . -short", o.command())

	o, err = parse([]string{"-full", "-only", "S2,S3", "-repeats", "7"})
	require.NoError(t, err)
	assert.Empty(t, o.out, "a part is no document")
	assert.Equal(t, 7, o.plan().Rounds)
	assert.Equal(t, "cd bench && go run . -full -only S2,S3 -repeats 7", o.command())

	o, err = parse([]string{"-smoke", "-out", "x.md"})
	require.NoError(t, err)
	assert.Equal(t, "x.md", o.out)

	_, err = parse([]string{"-smoke", "-full"})
	require.ErrorContains(t, err, "exclude each other")
	_, err = parse([]string{"S2"})
	require.ErrorContains(t, err, `"S2"`)
}

func TestSubjects(t *testing.T) {
	there := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(there, nil, 0o600))
	o := &options{sluice: there, contrib: there, vmagent: there}
	s, err := o.subjects()
	require.NoError(t, err)
	assert.Equal(t, []scenario.Subject{{Name: "sluice", Path: there}, {Name: "contrib", Path: there}, {Name: "vmagent", Path: there}}, s)

	o.vmagent = there + "-not"
	_, err = o.subjects()
	assert.ErrorContains(t, err, "vmagent")
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	b := bench{options: &options{out: filepath.Join(dir, "performance.md")}, start: time.Now()}
	require.NoError(t, b.write(report.Document{Sections: []report.Section{{Title: "S2", Charts: []report.Chart{{Title: "c", File: "c.svg", SVG: []byte("<svg/>")}}}}}))
	text, err := os.ReadFile(b.out)
	require.NoError(t, err)
	assert.Contains(t, string(text), "![c](performance/c.svg)")
	assert.FileExists(t, filepath.Join(dir, "performance", "c.svg"))
}

func TestCollect(t *testing.T) {
	b := bench{start: time.Now()}
	got, err := b.collect(strings.NewReader("BenchmarkA/x/impl=sluice-2 10 5 ns/op\nPASS\n"))
	require.NoError(t, err)
	assert.Equal(t, []report.Benchmark{{Case: "A/x", Impl: "sluice", Values: []report.Unit{{Name: "ns/op", V: 5}}}}, got)
}
