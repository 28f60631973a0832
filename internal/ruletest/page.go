package ruletest

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
)

// page is metrics as text: samples, and what is said of their metrics.
type page struct {
	samples []sample
	facts   map[fact][]string
	// resources and scopes say that samples tell theirs, times that they tell when they were taken.
	resources, scopes, times bool
}

// fact is what a comment says of a metric: its TYPE, UNIT or HELP.
type fact struct{ metric, keyword string }

// sample is a line of a page.
type sample struct {
	// resource and scope are attributes as text.
	resource, scope string
	metric          string
	// series is name and labels as text.
	series string
	value  float64
	ms     int64
}

// note adds what is said of a metric, each text once.
func (p *page) note(metric, keyword, text string) {
	if p.facts == nil {
		p.facts = map[fact][]string{}
	}
	f := fact{metric, keyword}
	if !slices.Contains(p.facts[f], text) {
		p.facts[f] = append(p.facts[f], text)
	}
}

// lines are the samples as lines that tell as much as the page like.
func (p *page) lines(like *page) []string {
	lines := make([]string, 0, len(p.samples))
	for _, s := range p.samples {
		line := s.series + " " + number(s.value)
		if like.times {
			line += " " + strconv.FormatInt(s.ms, 10)
		}
		if like.resources {
			line += " of resource " + s.resource
		}
		if like.scopes {
			line += " of scope " + s.scope
		}
		lines = append(lines, line)
	}
	return lines
}

// factLines are what is said of the metrics that the page like says something of.
func (p *page) factLines(like *page) []string {
	var lines []string
	for f := range like.facts {
		texts := p.facts[f]
		if texts == nil { // OpenMetrics does not name counters as their samples
			texts = slices.Concat(p.facts[fact{f.metric + "_total", f.keyword}], p.facts[fact{f.metric + "_info", f.keyword}])
		}
		for _, text := range texts {
			lines = append(lines, "# "+f.keyword+" "+f.metric+" "+text)
		}
	}
	return lines
}

// text is the page as text that reads back as the same.
func (p *page) text() string {
	var b strings.Builder
	var last sample
	for i, s := range p.samples {
		begun := i == 0 || s.resource != last.resource
		if begun {
			b.WriteString("# RESOURCE " + s.resource + "\n")
		}
		if begun || s.scope != last.scope {
			b.WriteString("# SCOPE " + s.scope + "\n")
			begun = true
		}
		if begun || s.metric != last.metric {
			p.writeFacts(&b, s.metric)
		}
		b.WriteString(s.series + " " + number(s.value) + "\n")
		last = s
	}
	return b.String()
}

func (p *page) writeFacts(b *strings.Builder, metric string) {
	for _, keyword := range []string{"TYPE", "UNIT", "HELP"} {
		texts := p.facts[fact{metric, keyword}]
		for _, text := range texts {
			if text != "" || len(texts) > 1 { // of several metrics of a name some may have none
				b.WriteString("# " + keyword + " " + name(metric) + " " + text + "\n")
			}
		}
	}
}

// number writes a value as the exposition formats do. All NaN are one.
func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	default:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
}

// name writes the name of a metric, quoted if it must be.
func name(metric string) string {
	if model.LegacyValidation.IsValidMetricName(metric) {
		return metric
	}
	return quoted(metric)
}

// series writes name and labels of a sample, the labels sorted.
func series(metric string, labels map[string]string) string {
	if !model.LegacyValidation.IsValidMetricName(metric) {
		if len(labels) == 0 {
			return "{" + quoted(metric) + "}"
		}
		return "{" + quoted(metric) + "," + strings.TrimPrefix(set(labels), "{")
	}
	if len(labels) == 0 {
		return metric
	}
	return metric + set(labels)
}

// set writes labels in braces, sorted.
func set(labels map[string]string) string {
	texts := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		label := key
		if !model.LegacyValidation.IsValidLabelName(key) {
			label = quoted(key)
		}
		texts = append(texts, label+"="+quoted(labels[key]))
	}
	return "{" + strings.Join(texts, ",") + "}"
}

var escaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func quoted(text string) string { return `"` + escaper.Replace(text) + `"` }
