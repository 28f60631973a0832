package report

import (
	"fmt"
	"path"
	"strings"
	"time"
)

const introduction = `# Performance

Sluice beside a collector of contrib's components at the same version, on the same machine, in one run: the subjects take
turns, so that what disturbs the machine disturbs all. Only ratios say something beyond it; absolute figures drift from
machine to machine and from hour to hour. A cell is the median of the rounds and, in parentheses, the lowest and the highest;
a ratio is contrib's figure divided by Sluice's in the same round, so above 1 Sluice needs less. *ahead* names who is better by
more than 5 % in every round, "even" means neither. Nothing in CI depends on these figures.

`

// Markdown returns the document; its pictures are in the folder so named, beside it.
func (d Document) Markdown(pictures string) []byte {
	var b strings.Builder
	b.WriteString(introduction)
	writeMarkdownTable(&b, [][]string{
		{"", ""},
		{"command", "`" + d.Command + "`"},
		{"date", d.Date.UTC().Format("2006-01-02 15:04 UTC")},
		{"took", d.Took.Round(time.Second).String()},
		{"machine", d.Machine.String()},
	})
	d.writeBehind(&b)
	for _, s := range d.Sections {
		s.write(&b, pictures)
	}
	return []byte(b.String())
}

func (d Document) writeBehind(b *strings.Builder) {
	b.WriteString("\n## Where another is ahead\n\n")
	behind := d.behind()
	if len(behind) == 0 {
		b.WriteString("Nowhere in this run.\n")
	} else {
		b.WriteString("The other's figure first, then Sluice's.\n\n")
	}
	for _, line := range behind {
		fmt.Fprintf(b, "- %s\n", escapeCell(line))
	}
}

func (s Section) write(b *strings.Builder, pictures string) {
	fmt.Fprintf(b, "\n## %s\n\n", s.Title)
	if s.About != "" {
		fmt.Fprintf(b, "%s\n\n", s.About)
	}
	writeMarkdownTable(b, s.table())
	if len(s.Notes) > 0 {
		b.WriteString("\n")
	}
	for _, n := range s.Notes {
		fmt.Fprintf(b, "- %s\n", n)
	}
	for _, c := range s.Charts {
		fmt.Fprintf(b, "\n![%s](%s)\n", c.Title, path.Join(pictures, c.File))
	}
}

func writeMarkdownTable(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		cells := make([]string, len(row))
		for k, c := range row {
			cells[k] = escapeCell(c)
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintf(b, "|%s\n", strings.Repeat("---|", len(row)))
		}
	}
}

func escapeCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
