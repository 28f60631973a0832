package report

import (
	"slices"
	"strings"

	"github.com/sluice-metrics/sluice/bench/internal/scenario"
	"github.com/sluice-metrics/sluice/bench/internal/stats"
)

const aboutInProcess = "Go benchmarks of our components beside contrib's in one process: same input, same run. " +
	"A row's contrib is the implementation named in its case."

// rivalry is a case with Sluice's figures and those of one other implementation, by unit.
type rivalry struct {
	name   string
	ours   map[string][]float64
	theirs map[string][]float64
}

// InProcess makes a section of the Go benchmarks: a row for each case, unit and implementation other than ours.
func InProcess(benchmarks []Benchmark, notes ...string) Section {
	s := Section{Title: "In process", About: aboutInProcess, Columns: []string{scenario.Sluice, scenario.Contrib}, Notes: notes}
	figures := map[string]map[string][]float64{} // case and implementation, unit
	var units []string
	for _, b := range benchmarks {
		key := b.Case + "\x00" + b.Impl
		if figures[key] == nil {
			figures[key] = map[string][]float64{}
		}
		for _, u := range b.Values {
			figures[key][u.Name] = append(figures[key][u.Name], u.V)
			if !slices.Contains(units, u.Name) {
				units = append(units, u.Name)
			}
		}
	}
	for _, r := range rivalries(benchmarks, figures) {
		s.Rows = append(s.Rows, r.rows(units)...)
	}
	return s
}

// rivalries returns each case once for every other implementation, or alone, in the order of the output.
func rivalries(benchmarks []Benchmark, figures map[string]map[string][]float64) []rivalry {
	var out []rivalry
	var cases []string
	for _, b := range benchmarks {
		if !slices.Contains(cases, b.Case) {
			cases = append(cases, b.Case)
		}
	}
	for _, c := range cases {
		ours := figures[c+"\x00"+scenario.Sluice]
		before := len(out)
		for _, impl := range others(benchmarks, c) {
			name := c
			if impl != scenario.Contrib {
				name += " (" + impl + ")"
			}
			out = append(out, rivalry{name: name, ours: ours, theirs: figures[c+"\x00"+impl]})
		}
		if len(out) == before {
			out = append(out, rivalry{name: c, ours: ours})
		}
	}
	return out
}

func others(benchmarks []Benchmark, name string) []string {
	var out []string
	for _, b := range benchmarks {
		if b.Case == name && b.Impl != scenario.Sluice && !slices.Contains(out, b.Impl) {
			out = append(out, b.Impl)
		}
	}
	return out
}

// has tells whether one of the two has a figure in the unit.
func (r rivalry) has(unit string) bool { return len(r.ours[unit])+len(r.theirs[unit]) > 0 }

// redundant tells whether a finer figure says the same: time per point or series instead of per batch or page.
func (r rivalry) redundant(unit string) bool {
	return unit == "ns/op" && (r.has("ns/point") || r.has("ns/series"))
}

// rows makes a row for each unit that either has. Throughput is the only figure that is better when higher.
func (r rivalry) rows(units []string) []Row {
	var out []Row
	for _, u := range units {
		ours, theirs := r.ours[u], r.theirs[u]
		if !r.has(u) || r.redundant(u) {
			continue
		}
		better := scenario.Lower
		if strings.HasSuffix(u, "/s") {
			better = scenario.Higher
		}
		out = append(out, Row{
			Case: r.name, Measure: u, Cells: []string{dash(cell(ours)), dash(cell(theirs))},
			Ratio: cell(stats.Ratios(theirs, ours)), Ahead: ahead(ours, theirs, better),
		})
	}
	return out
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
