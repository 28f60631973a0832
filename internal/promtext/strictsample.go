package promtext

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// maxExemplarRunes bounds names and values of an exemplar's labels together.
const maxExemplarRunes = 128

// strictSample is what the rules look at.
type strictSample struct {
	suffix   string
	labels   []Label
	value    float64
	exemplar bool
}

func (s *strict) sample(p *Parser) string {
	labels := p.AppendLabels(nil)
	name := labels[0].Value
	if !s.belongs(name) {
		if reason := s.finish(); reason != "" {
			return reason
		}
		s.begin(name)
	}
	s.samples++
	x := strictSample{suffix: strings.TrimPrefix(name, s.family), labels: labels[1:], value: p.Value(), exemplar: p.exemplar.present}
	for _, rule := range []func() string{
		func() string { return lists(p, x.labels) },
		func() string { return s.ownLabel(&x, p) },
		func() string { return s.number(&x) },
		func() string { return s.exemplars(&x, p) },
		func() string { return s.grouping(&x, p) },
	} {
		if reason := rule(); reason != "" {
			return reason
		}
	}
	return ""
}

// lists holds the rules of label lists.
func lists(p *Parser, labels []Label) string {
	if p.looseComma {
		return "a comma ends the labels"
	}
	names := map[string]bool{}
	for _, l := range labels {
		if names[l.Name] {
			return "a label is there twice"
		}
		names[l.Name] = true
	}
	return ""
}

func find(labels []Label, name string) (string, bool) {
	i := slices.IndexFunc(labels, func(l Label) bool { return l.Name == name })
	if i < 0 {
		return "", false
	}
	return labels[i].Value, true
}

// ownLabel holds the rules of the label that a type gives a meaning to.
func (s *strict) ownLabel(x *strictSample, p *Parser) string {
	switch {
	case s.typ == model.MetricTypeStateset:
		if _, ok := find(x.labels, s.family); !ok {
			return "a stateset needs a label of its own name"
		}
	case x.suffix == "_bucket" && s.isHistogram():
		if le, ok := find(x.labels, model.BucketLabel); !ok || !isBound(le) || !canonicalText(p, model.BucketLabel) {
			return "a bucket needs an le label with a number in canonical form"
		}
	case s.typ == model.MetricTypeSummary && x.suffix == "":
		q, ok := find(x.labels, model.QuantileLabel)
		rank, err := strconv.ParseFloat(q, 64)
		if !ok || err != nil || !(rank >= 0 && rank <= 1) || !canonicalText(p, model.QuantileLabel) {
			return "a quantile needs a quantile label from 0 to 1 in canonical form"
		}
	}
	return ""
}

func (s *strict) isHistogram() bool {
	return s.typ == model.MetricTypeHistogram || s.typ == model.MetricTypeGaugeHistogram
}

func isBound(text string) bool {
	v, err := strconv.ParseFloat(text, 64)
	return err == nil && !math.IsNaN(v)
}

// canonicalText tells whether infinity is written as it must be; the standard recommends forms for other numbers only.
func canonicalText(p *Parser, name string) bool {
	for _, l := range p.labels {
		if string(p.bytes(l.name)) != name {
			continue
		}
		v, ok := parseValue(p.bytes(l.value))
		return ok && (!math.IsInf(v, 1) || string(p.bytes(l.value)) == "+Inf")
	}
	return true
}

// number holds the rules of values.
func (s *strict) number(x *strictSample) string {
	v := x.value
	switch {
	case s.typ == model.MetricTypeStateset && v != 0 && v != 1:
		return "a stateset is 0 or 1"
	case s.typ == model.MetricTypeInfo && v != 1:
		return "an info is 1"
	case s.typ == model.MetricTypeSummary && x.suffix == "" && v < 0:
		return "a quantile must not be negative"
	case !counts(x.suffix) && x.suffix != "_gsum":
		return ""
	case math.IsNaN(v):
		return "what counts must not be NaN"
	case v < 0 && x.suffix != "_gsum":
		return "what counts must not be negative"
	case strings.HasSuffix(x.suffix, "count") || x.suffix == "_bucket":
		if v != math.Trunc(v) {
			return "a count must be an integer"
		}
	}
	return ""
}

func counts(suffix string) bool {
	switch suffix {
	case "_total", "_sum", "_count", "_bucket", "_gcount":
		return true
	default:
		return false
	}
}

// exemplars holds the rules of what may have one, and how long it may be.
func (s *strict) exemplars(x *strictSample, p *Parser) string {
	if !x.exemplar {
		return ""
	}
	allowed := s.isHistogram() && x.suffix == "_bucket" || s.typ == model.MetricTypeCounter && x.suffix == "_total"
	if !allowed {
		return "only buckets and counters have exemplars"
	}
	length, e := 0, &p.exemplar
	for _, l := range e.labels {
		length += utf8.RuneCount(p.bytes(l.name)) + utf8.RuneCountInString(unescape(p.bytes(l.value)))
	}
	if length > maxExemplarRunes {
		return "the labels of an exemplar are too long"
	}
	return ""
}

// grouping demands that the samples of a metric stand together, in the order of their times.
func (s *strict) grouping(x *strictSample, p *Parser) string {
	group := s.groupOf(x)
	time, timed := p.Timestamp()
	fresh := s.samples == 1 || group != s.group
	switch {
	case fresh && s.groups[group]:
		return "the samples of a metric must stand together"
	case !fresh && timed != s.timed:
		return "some samples of a metric have a timestamp and some have not"
	case !fresh && timed && time < s.time && s.typ != model.MetricTypeInfo:
		return "the timestamps of a metric go backwards"
	}
	if s.isHistogram() {
		if reason := s.histogram.see(x, fresh || time != s.time); reason != "" {
			return reason
		}
	}
	s.groups[group], s.group, s.time, s.timed = true, group, time, timed
	return ""
}

// groupOf names the metric that a sample is part of: its labels without the one that tells its parts apart.
func (s *strict) groupOf(x *strictSample) string {
	own := ""
	switch {
	case s.isHistogram() && x.suffix == "_bucket":
		own = model.BucketLabel
	case s.typ == model.MetricTypeSummary && x.suffix == "":
		own = model.QuantileLabel
	case s.typ == model.MetricTypeStateset:
		own = s.family
	}
	var parts []string
	for _, l := range x.labels {
		if l.Name != own {
			parts = append(parts, strconv.Quote(l.Name)+"="+strconv.Quote(l.Value))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}
