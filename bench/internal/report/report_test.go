package report

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sluice-metrics/sluice/bench/internal/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	file = "testdata/" + file
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func one(measure, unit string, v float64) scenario.Value {
	return scenario.Value{Measure: measure, Unit: unit, V: v}
}

// results are three rounds of two sizes, of which contrib wins one measure, and one case that Sluice cannot take yet.
func results() []scenario.Result {
	sized := func(name string, series int, factor float64) scenario.Result {
		r := scenario.Result{Case: &scenario.Case{Scenario: "S2", Name: name, Series: series}, Problems: map[string]string{}}
		for round := range 3 {
			drift := 1 + 0.1*float64(round)
			r.Runs = append(r.Runs,
				scenario.Run{Subject: "sluice", Round: round, Values: []scenario.Value{
					one("scrape p50, plain", "ms", 40*factor*drift), one("start-up", "ms", 90*drift), one("even", "ms", 10*drift),
					{Measure: "series on the page", V: 1000 * factor, Better: scenario.Neither},
				}},
				scenario.Run{Subject: "contrib", Round: round, Values: []scenario.Value{
					one("scrape p50, plain", "ms", 2750*factor*drift), one("start-up", "ms", 45*drift), one("even", "ms", 10*drift),
					{Measure: "series on the page", V: 1000 * factor, Better: scenario.Neither},
				}})
		}
		return r
	}
	hang := scenario.Result{Case: &scenario.Case{Scenario: "S5", Name: "hanging"}, Problems: map[string]string{"sluice": "failed: it did | not start"}}
	hang.Runs = []scenario.Run{{Subject: "contrib", Values: []scenario.Value{{Measure: "exit", Unit: "s", V: 30, Note: "still running, killed"}}}}
	s1 := scenario.Result{Case: &scenario.Case{Scenario: "S1", Name: "to nop"}, Problems: map[string]string{"sluice": "to come"}}
	return []scenario.Result{sized("10k series", 10_000, 0.1), s1, sized("100k series", 100_000, 1), hang}
}

func document() Document {
	d := Document{
		Command: "cd bench && go run . -short", Plan: "short", Date: time.Unix(1_800_000_000, 0), Took: 4 * time.Minute,
		Machine:  Machine{CPU: "A CPU", Cores: 2, Memory: 8 << 30, Kernel: "6.1", Go: "go1.26"},
		Sections: WholeProcess(results(), []string{"sluice", "contrib", "vmagent"}),
	}
	var all []Benchmark
	if err := ParseBenchmarks(strings.NewReader(benchOutput), func(b Benchmark) { all = append(all, b) }); err != nil {
		panic(err)
	}
	d.Sections = append(d.Sections, InProcess(all, "A note."))
	return d
}

const benchOutput = `goos: linux
pkg: github.com/sluice-metrics/sluice/bench/inprocess
BenchmarkPullIngest/points=1000x7attrs/impl=sluice-2         	     100	   2000000 ns/op	      2000 ns/point	  100 B/op	  0 allocs/op
BenchmarkPullIngest/points=1000x7attrs/impl=sluice-2         	     100	   2200000 ns/op	      2200 ns/point	  100 B/op	  0 allocs/op
BenchmarkPullIngest/points=1000x7attrs/impl=contrib-2        	     100	   8000000 ns/op	      8000 ns/point	  900 B/op	  9 allocs/op
BenchmarkPullIngest/points=1000x7attrs/impl=contrib-2        	     100	   8800000 ns/op	      8800 ns/point	  900 B/op	  9 allocs/op
BenchmarkStreamer/drop/impl=sluice                           	     100	   1000 ns/op
BenchmarkStreamer/drop/impl=contrib-filter                   	     100	   1500 ns/op
BenchmarkStreamer/drop/impl=contrib-filter-transform         	     100	    500 ns/op
BenchmarkAlone-2   1   7 ns/op
PASS
ok  	github.com/sluice-metrics/sluice/bench/inprocess	1.0s
`

func TestMarkdown(t *testing.T) { golden(t, "performance.md", document().Markdown("performance")) }

func TestText(t *testing.T) { golden(t, "table.txt", []byte(document().Text())) }

func TestCharts_AreOfWhatIsMeasuredAtTwoSizes(t *testing.T) {
	for _, s := range document().Sections {
		switch s.Title {
		case "S2":
			require.Len(t, s.Charts, 1)
			assert.Equal(t, "scrape-plain.svg", s.Charts[0].File)
			assert.Equal(t, 4, strings.Count(string(s.Charts[0].SVG), "<circle"))
		default:
			assert.Empty(t, s.Charts)
		}
	}
}

func TestParseBenchmark(t *testing.T) {
	b, ok := parseBenchmark("BenchmarkA/x=1/y/impl=contrib-filter-16 \t 5 \t 12.5 ns/op \t 3 B/op")
	require.True(t, ok)
	assert.Equal(t, Benchmark{Case: "A/x=1/y", Impl: "contrib-filter", Values: []Unit{{"ns/op", 12.5}, {"B/op", 3}}}, b)
	for _, line := range []string{"PASS", "BenchmarkA-2 1 5 ns/op", "BenchmarkA/impl=x-2 1 5", "BenchmarkA/impl=x-2 1 many ns/op"} {
		_, ok := parseBenchmark(line)
		assert.False(t, ok, line)
	}
}

func TestNumber(t *testing.T) {
	for want, v := range map[string]float64{"0": 0, "35.7": 35.71, "2753": 2753.4, "1.28M": 1_275_618, "125M": 125_000_000, "0.00384": 0.003841, "-1.50": -1.5, "0.000001": 0.0000012} {
		assert.Equal(t, want, number(v))
	}
}

func TestAhead(t *testing.T) {
	assert.Equal(t, "sluice", ahead([]float64{1, 1}, []float64{2, 1.1}, scenario.Lower))
	assert.Equal(t, "contrib", ahead([]float64{1, 1}, []float64{2, 1.1}, scenario.Higher))
	assert.Equal(t, "even", ahead([]float64{1, 1}, []float64{2, 1.04}, scenario.Lower), "within the margin once")
	assert.Equal(t, "even", ahead([]float64{1, 2}, []float64{2, 1}, scenario.Lower))
	assert.Equal(t, "sluice", ahead([]float64{0}, []float64{160_000}, scenario.Lower), "nothing lost is better than any")
	assert.Equal(t, "even", ahead([]float64{0}, []float64{0}, scenario.Lower))
	assert.Empty(t, ahead([]float64{1}, []float64{2}, scenario.Neither))
	assert.Empty(t, ahead(nil, []float64{2}, scenario.Lower))
}
