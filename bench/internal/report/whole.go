package report

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sluice-metrics/sluice/bench/internal/plot"
	"github.com/sluice-metrics/sluice/bench/internal/scenario"
	"github.com/sluice-metrics/sluice/bench/internal/stats"
)

// WholeProcess makes a section for each scenario, in the order of the results.
func WholeProcess(results []scenario.Result, subjects []string) []Section {
	var out []Section
	for _, r := range results {
		if !slices.ContainsFunc(out, func(s Section) bool { return s.Title == r.Scenario }) {
			out = append(out, newSection(results, r.Scenario, subjects))
		}
	}
	return out
}

func newSection(results []scenario.Result, id string, subjects []string) Section {
	s := Section{Title: id, About: scenario.About[id]}
	for _, name := range subjects {
		if name == scenario.Sluice || name == scenario.Contrib || slices.ContainsFunc(results, func(r scenario.Result) bool { return r.Scenario == id && r.Has(name) }) {
			s.Columns = append(s.Columns, name)
		}
	}
	for _, r := range results {
		if r.Scenario != id {
			continue
		}
		s.Rows = append(s.Rows, rows(r, s.Columns)...)
		s.Notes = append(s.Notes, notes(r)...)
	}
	s.Charts = charts(results, id, s.Columns)
	return s
}

// notes says why a subject is missing, once for all of a case's rows.
func notes(r scenario.Result) []string {
	var out []string
	for _, subject := range slices.Sorted(maps.Keys(r.Problems)) {
		if p := r.Problems[subject]; p != scenario.NotGiven {
			out = append(out, fmt.Sprintf("%s, %s: %s", r.Name, subject, p))
		}
	}
	return out
}

// rows makes a row for each measure, in the order in which they first come.
func rows(r scenario.Result, columns []string) []Row {
	var out []Row
	for _, m := range measures(r) {
		row := Row{Case: r.Name, Measure: m.Measure, Unit: m.Unit}
		for _, subject := range columns {
			row.Cells = append(row.Cells, subjectCell(r, subject, m.Measure))
		}
		ours, theirs := pairs(r, m.Measure)
		row.Ratio = cell(stats.Ratios(theirs, ours))
		row.Ahead = ahead(ours, theirs, m.Better)
		if m.Better == scenario.Neither {
			row.Ratio = ""
		}
		out = append(out, row)
	}
	if len(out) == 0 {
		row := Row{Case: r.Name}
		for _, subject := range columns {
			row.Cells = append(row.Cells, subjectCell(r, subject, ""))
		}
		out = append(out, row)
	}
	return out
}

func subjectCell(r scenario.Result, subject, measure string) string {
	v, note := values(r, subject, measure)
	switch {
	case len(v) == 0 && r.Problems[subject] == scenario.ToCome:
		return scenario.ToCome
	case len(v) == 0:
		return "–"
	case note != "":
		return cell(v) + ", " + note
	default:
		return cell(v)
	}
}

// measures returns one value of each measure that any run has.
func measures(r scenario.Result) []scenario.Value {
	var out []scenario.Value
	for _, run := range r.Runs {
		for _, v := range run.Values {
			if !slices.ContainsFunc(out, func(o scenario.Value) bool { return o.Measure == v.Measure }) {
				out = append(out, v)
			}
		}
	}
	return out
}

// values returns a subject's figures by round, and the last note on them.
func values(r scenario.Result, subject, measure string) (out []float64, note string) {
	for _, run := range r.Runs {
		if run.Subject != subject {
			continue
		}
		for _, v := range run.Values {
			if v.Measure != measure {
				continue
			}
			out = append(out, v.V)
			if v.Note != "" {
				note = v.Note
			}
		}
	}
	return out, note
}

// pairs returns Sluice's and contrib's figures of the rounds that both have.
func pairs(r scenario.Result, measure string) (sluice, contrib []float64) {
	for _, a := range r.Runs {
		for _, b := range r.Runs {
			if a.Subject != scenario.Sluice || b.Subject != scenario.Contrib || a.Round != b.Round {
				continue
			}
			x, okX := figure(a, measure)
			y, okY := figure(b, measure)
			if okX && okY {
				sluice, contrib = append(sluice, x), append(contrib, y)
			}
		}
	}
	return sluice, contrib
}

func figure(run scenario.Run, measure string) (float64, bool) {
	for _, v := range run.Values {
		if v.Measure == measure {
			return v.V, true
		}
	}
	return 0, false
}

// plotted are the measures drawn against the number of series.
var plotted = []struct{ measure, title, unit, file string }{
	{"scrape p50, plain", "Time of one scrape, plain text", "ms", "scrape-plain.svg"},
	{"scrape p50, gzip", "Time of one scrape, gzip", "ms", "scrape-gzip.svg"},
	{"scrape, plain", "CPU of one scrape, plain text", "µs per series", "scrape-cpu.svg"},
	{"ingest, afterwards", "CPU of ingest", "µs per point", "ingest.svg"},
	{"peak RSS", "Peak memory", "MiB", "memory.svg"},
}

// charts draws what a scenario has measured at two sizes or more.
func charts(results []scenario.Result, id string, subjects []string) []Chart {
	var out []Chart
	for _, p := range plotted {
		chart := plot.Chart{Title: p.title, X: "series", Y: p.unit}
		most := 0
		for _, subject := range subjects {
			line := plot.Line{Name: subject, Points: points(results, id, subject, p.measure)}
			most = max(most, len(line.Points))
			chart.Lines = append(chart.Lines, line)
		}
		if most >= 2 {
			out = append(out, Chart{Title: p.title + " against the number of series", File: p.file, SVG: chart.SVG()})
		}
	}
	return out
}

func points(results []scenario.Result, id, subject, measure string) []plot.Point {
	var out []plot.Point
	for _, r := range results {
		if r.Scenario != id || r.Series == 0 {
			continue
		}
		if v, _ := values(r, subject, measure); len(v) > 0 {
			s := stats.Of(v)
			out = append(out, plot.Point{X: float64(r.Series), Y: s.Median, Low: s.Min, High: s.Max})
		}
	}
	return out
}
