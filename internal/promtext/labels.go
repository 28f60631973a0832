package promtext

import (
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// Label is a label of a sample or an exemplar.
type Label struct{ Name, Value string }

// braces reads labels from behind the opening brace and returns the position behind the closing one, or a reason why it
// cannot. In a sample a quoted string by itself is the name of the metric.
func (p *Parser) braces(i int, into []labelSpan, exemplar bool) (labels []labelSpan, end int, reason string) {
	for {
		i = p.skipBlanks(i)
		if p.at(i) == '}' {
			return into, i + 1, ""
		}
		name, quoted, next := p.labelName(i)
		if next < 0 {
			return into, i, "a label name was expected"
		}
		i = p.skipBlanks(next)
		if c := p.at(i); quoted && !exemplar && (c == ',' || c == '}') {
			if p.name.end > p.name.begin || p.quotedName {
				return into, i, "the metric has two names"
			}
			p.name, p.quotedName = name, true
		} else {
			var value span
			if value, i, reason = p.labelValue(i); reason != "" {
				return into, i, reason
			}
			into = append(into, labelSpan{name, value})
			i = p.skipBlanks(i)
		}
		if i, reason = p.separator(i); reason != "" {
			return into, i, reason
		}
		p.looseComma = p.looseComma || p.data[i-1] == ',' && p.at(i) == '}'
	}
}

// labelName returns a negative position when there is none.
func (p *Parser) labelName(i int) (name span, quoted bool, next int) {
	if p.at(i) == '"' {
		end := p.quoteEnd(i, true)
		if end < 0 {
			return span{}, true, -1
		}
		return span{i + 1, end}, true, end + 1
	}
	end := p.labelEnd(i)
	if end == i {
		return span{}, false, -1
	}
	return span{i, end}, false, end
}

// labelValue reads from the equals sign on.
func (p *Parser) labelValue(i int) (value span, next int, reason string) {
	if p.at(i) != '=' {
		return span{}, i, "an equals sign was expected behind the label name"
	}
	i = p.skipBlanks(i + 1)
	if p.at(i) != '"' {
		return span{}, i, "a quoted label value was expected"
	}
	end := p.quoteEnd(i, !p.openMetrics)
	if end < 0 {
		return span{}, i, "the quotes of a label value do not close"
	}
	value = span{i + 1, end}
	if !utf8.Valid(p.bytes(value)) {
		return span{}, i, "a label value is not valid UTF-8"
	}
	return value, end + 1, ""
}

// separator passes over a comma. The text format does without.
func (p *Parser) separator(i int) (next int, reason string) {
	switch c := p.at(i); {
	case c == ',':
		return i + 1, ""
	case c == '}' || !p.openMetrics:
		return i, ""
	default:
		return i, "a comma or the closing brace was expected"
	}
}

// AppendLabels appends the labels of a sample as they come, the name first. The values of `le` and `quantile` get the form
// that OpenMetrics gives to numbers.
func (p *Parser) AppendLabels(dst []Label) []Label {
	p.readExpected()
	dst = append(dst, Label{model.MetricNameLabel, unescape(p.bytes(p.name))})
	for _, l := range p.labels {
		name := unescape(p.bytes(l.name))
		dst = append(dst, Label{name, p.normalize(name, unescape(p.bytes(l.value)))})
	}
	return dst
}

// unescape knows the escapes of label values; any other backslash stands for itself.
func unescape(text []byte) string {
	s := string(text)
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return unescaper.Replace(s)
}

var unescaper = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\n`, "\n")

func (p *Parser) normalize(name, value string) string {
	if p.typ == model.MetricTypeHistogram && name == model.BucketLabel ||
		p.typ == model.MetricTypeSummary && name == model.QuantileLabel {
		return normalizeNumber(value)
	}
	return value
}
