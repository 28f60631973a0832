package promtext

import (
	"bytes"
	"math"
	"strings"

	"github.com/prometheus/common/model"
)

// nextOpenMetrics reads an entry of OpenMetrics, which has one blank between parts and no blank lines.
func (p *Parser) nextOpenMetrics() (Entry, error) {
	p.start = p.pos
	if p.pos >= len(p.data) {
		return p.fail(p.pos, "the page does not end with # EOF")
	}
	if p.data[p.pos] != '#' {
		return p.openMetricsSample(p.pos)
	}
	for _, k := range keywords {
		if bytes.HasPrefix(p.data[p.pos:], []byte(k.text)) {
			return p.openMetricsMetadata(k.entry, p.pos+len(k.text))
		}
	}
	if bytes.HasPrefix(p.data[p.pos:], []byte("# EOF")) {
		return p.endOfOpenMetrics(p.pos + len("# EOF"))
	}
	return p.fail(p.pos, "HELP, TYPE, UNIT or EOF was expected")
}

var keywords = []struct {
	text  string
	entry Entry
}{{"# HELP ", EntryHelp}, {"# TYPE ", EntryType}, {"# UNIT ", EntryUnit}}

func (p *Parser) endOfOpenMetrics(i int) (Entry, error) {
	if i < len(p.data) && p.data[i] == '\n' {
		i++
	}
	if i < len(p.data) {
		return p.fail(i, "something follows # EOF")
	}
	p.pos = i
	return endOfPage()
}

func (p *Parser) openMetricsMetadata(entry Entry, i int) (Entry, error) {
	i, ok := p.metadataName(i)
	if !ok {
		return p.fail(i, "a metric name was expected")
	}
	end := p.lineEnd(i)
	if end >= len(p.data) || p.data[i] != ' ' {
		return p.fail(i, "a blank, a text and the end of the line were expected")
	}
	p.text = p.data[i+1 : end]
	p.pos = end + 1
	switch entry {
	case EntryHelp:
		return p.help()
	case EntryType:
		return p.openMetricsType(i)
	default:
		return p.unit(i)
	}
}

var openMetricsTypes = map[string]model.MetricType{
	"counter":        model.MetricTypeCounter,
	"gauge":          model.MetricTypeGauge,
	"histogram":      model.MetricTypeHistogram,
	"gaugehistogram": model.MetricTypeGaugeHistogram,
	"summary":        model.MetricTypeSummary,
	"info":           model.MetricTypeInfo,
	"stateset":       model.MetricTypeStateset,
	"unknown":        model.MetricTypeUnknown,
}

func (p *Parser) openMetricsType(i int) (Entry, error) {
	typ, known := openMetricsTypes[string(p.text)]
	if !known {
		return p.fail(i, "the metric type is unknown")
	}
	p.typ = typ
	return EntryType, nil
}

func (p *Parser) unit(i int) (Entry, error) {
	if len(p.text) > 0 && !strings.HasSuffix(string(p.Name()), "_"+string(p.text)) {
		return p.fail(i, "the unit is not the end of the name")
	}
	return EntryUnit, nil
}

func (p *Parser) openMetricsSample(i int) (Entry, error) {
	i, reason := p.identity(i)
	if reason == "" {
		p.value, i, reason = p.numberAfterBlank(i)
	}
	if reason == "" && !p.atExemplar(i) && p.at(i) == ' ' {
		p.time, i, reason = p.millisAfterBlank(i)
		p.hasTime = true
	}
	if reason == "" && p.atExemplar(i) {
		i, reason = p.readExemplar(i + len(exemplarMark))
	}
	if reason != "" {
		return p.fail(i, reason)
	}
	if i >= len(p.data) {
		return p.fail(i, "the page does not end with # EOF")
	}
	if p.data[i] != '\n' {
		return p.fail(i, "the end of the line was expected")
	}
	p.pos = i + 1
	return EntrySample, nil
}

// numberAfterBlank reads a blank and a number.
func (p *Parser) numberAfterBlank(i int) (v float64, next int, reason string) {
	if p.at(i) != ' ' {
		return 0, i, "a blank and a number were expected"
	}
	i++
	begin := i
	for c := p.at(i); c != ' ' && c != '\n'; c = p.at(i) {
		i++
	}
	v, ok := parseValue(p.data[begin:i])
	if !ok {
		return 0, begin, "a number was expected"
	}
	return canonical(v), i, ""
}

func (p *Parser) millisAfterBlank(i int) (ms int64, next int, reason string) {
	seconds, next, reason := p.numberAfterBlank(i)
	if reason == "" && (math.IsNaN(seconds) || math.IsInf(seconds, 0)) {
		reason = "the timestamp is not finite"
	}
	return int64(seconds * 1000), next, reason
}

// exemplarMark is what stands before the labels of an exemplar.
const exemplarMark = " # {"

func (p *Parser) atExemplar(i int) bool { return bytes.HasPrefix(p.data[i:], []byte(exemplarMark)) }

func (p *Parser) readExemplar(i int) (next int, reason string) {
	e := &p.exemplar
	if e.labels, i, reason = p.braces(i, e.labels[:0], true); reason != "" {
		return i, reason
	}
	if e.value, i, reason = p.numberAfterBlank(i); reason != "" {
		return i, reason
	}
	e.hasTime = p.at(i) == ' '
	if e.hasTime {
		if e.time, i, reason = p.millisAfterBlank(i); reason != "" {
			return i, reason
		}
	}
	e.present = true
	return i, ""
}

// Exemplar is an exemplar of a sample; Time is in milliseconds.
type Exemplar struct {
	Labels  []Label
	Value   float64
	Time    int64
	HasTime bool
}

// Exemplar returns the exemplar of the sample, if it has one; its labels are appended to dst.
func (p *Parser) Exemplar(dst []Label) (Exemplar, bool) {
	e := &p.exemplar
	if !e.present {
		return Exemplar{}, false
	}
	for _, l := range e.labels {
		dst = append(dst, Label{string(p.bytes(l.name)), string(p.bytes(l.value))})
	}
	return Exemplar{Labels: dst, Value: e.value, Time: e.time, HasTime: e.hasTime}, true
}
