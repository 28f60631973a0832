// Package report makes tables of what the bench has measured: on the terminal, and as a document with charts.
package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluice-metrics/sluice/bench/internal/scenario"
)

// Document is a report before it is written.
type Document struct {
	Command  string
	Plan     string
	Date     time.Time
	Took     time.Duration
	Machine  Machine
	Sections []Section
}

// Section is a table with what belongs to it.
type Section struct {
	Title, About string
	Columns      []string // the subjects, by name
	Rows         []Row
	Notes        []string
	Charts       []Chart
}

// Row is one measure of one case.
type Row struct {
	Case, Measure, Unit string
	Cells               []string // one for each of the section's columns
	Ratio               string   // contrib to Sluice
	Ahead               string   // who is better
}

// Chart is a picture of a section.
type Chart struct {
	Title string
	File  string // name of the file, in the folder of pictures
	SVG   []byte
}

// behind tells where another is ahead of Sluice, a line for each case.
func (d Document) behind() []string {
	var out []string
	last := ""
	for _, s := range d.Sections {
		for _, r := range s.Rows {
			if r.Ahead == "" || r.Ahead == aheadSluice || r.Ahead == aheadNobody {
				continue
			}
			what := strings.TrimSpace(fmt.Sprintf("%s %s to %s %s", r.Measure, s.cell(r, r.Ahead), s.cell(r, scenario.Sluice), r.Unit))
			if where := s.Title + ", " + r.Case + ", " + r.Ahead; where != last {
				last = where
				out = append(out, where+": "+what)
				continue
			}
			out[len(out)-1] += "; " + what
		}
	}
	return out
}

func (s Section) cell(r Row, column string) string {
	if i := slices.Index(s.Columns, column); i >= 0 {
		return r.Cells[i]
	}
	return ""
}

// Text returns the tables for a terminal.
func (d Document) Text() string {
	var b strings.Builder
	for _, s := range d.Sections {
		fmt.Fprintf(&b, "\n%s\n", s.Title)
		writeAligned(&b, s.table())
		for _, n := range s.Notes {
			fmt.Fprintf(&b, "  %s\n", n)
		}
	}
	return b.String()
}

// table returns the head and the rows; a case is named once.
func (s Section) table() [][]string {
	out := [][]string{append(append([]string{"case", "measure", "unit"}, s.Columns...), "contrib ÷ sluice", "ahead")}
	last := ""
	for _, r := range s.Rows {
		name := r.Case
		if name == last {
			name = ""
		}
		last = r.Case
		out = append(out, append(append([]string{name, r.Measure, r.Unit}, r.Cells...), r.Ratio, r.Ahead))
	}
	return out
}

func writeAligned(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		padded := make([]string, len(row))
		for i, cell := range row {
			padded[i] = cell + strings.Repeat(" ", widths[i]-len([]rune(cell)))
		}
		fmt.Fprintln(b, strings.TrimRight("  "+strings.Join(padded, "  "), " "))
	}
}
