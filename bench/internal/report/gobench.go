package report

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Benchmark is one line of a Go benchmark.
type Benchmark struct {
	Case   string // without "Benchmark" and the part that names the implementation
	Impl   string // sluice, contrib, contrib-filter, ...
	Values []Unit
}

// Unit is one figure of a benchmark.
type Unit struct {
	Name string // ns/op, B/op, ...
	V    float64
}

// benchmarkLine is a name, the number of iterations and pairs of value and unit; the name ends with GOMAXPROCS unless it is 1.
var benchmarkLine = regexp.MustCompile(`^Benchmark(\S*?)/impl=(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// ParseBenchmarks reads the output of go test -bench and passes on every line that names an implementation.
func ParseBenchmarks(r io.Reader, each func(Benchmark)) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if b, ok := parseBenchmark(lines.Text()); ok {
			each(b)
		}
	}
	return lines.Err()
}

func parseBenchmark(line string) (Benchmark, bool) {
	m := benchmarkLine.FindStringSubmatch(line)
	if m == nil {
		return Benchmark{}, false
	}
	b := Benchmark{Case: m[1], Impl: m[2]}
	fields := strings.Fields(m[3])
	if len(fields)%2 != 0 {
		return Benchmark{}, false
	}
	for i := 0; i < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return Benchmark{}, false
		}
		b.Values = append(b.Values, Unit{Name: fields[i+1], V: v})
	}
	return b, true
}
