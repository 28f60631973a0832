package ruletest

import (
	"errors"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/sluice-metrics/sluice/internal/promtext"
)

// parse reads a page as it is expected: in the text format, with the comments RESOURCE, SCOPE and UNIT, and types that
// the format does not know. A blank TYPE, UNIT or HELP says that there is none. The error is a *promtext.SyntaxError.
func parse(text string) (*page, error) {
	r := pageReader{page: &page{}, resource: "{}", scope: "{}"}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if err := r.read(line); err != nil {
			syntax, ok := errors.AsType[*promtext.SyntaxError](err)
			if !ok {
				syntax = &promtext.SyntaxError{Reason: err.Error(), Text: line}
			}
			syntax.Line = i + 1
			return nil, syntax
		}
	}
	return r.page, nil
}

type pageReader struct {
	*page
	resource, scope string
	parser          promtext.Parser
}

func (r *pageReader) read(line string) error {
	if !strings.HasPrefix(strings.TrimSpace(line), "#") {
		return r.sample(line)
	}
	keyword, rest, _ := strings.Cut(strings.TrimSpace(strings.TrimSpace(line)[1:]), " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch keyword {
	case "RESOURCE":
		r.resources = true
		r.resource, err = r.braces(rest)
		r.scope = "{}"
	case "SCOPE":
		r.scopes = true
		r.scope, err = r.braces(rest)
	case "TYPE", "UNIT", "HELP":
		err = r.fact(keyword, rest)
	}
	return err
}

var (
	errNoBraces = errors.New(`labels in braces were expected, as in {service.name="shop"}`)
	errNoMetric = errors.New("the name of a metric was expected")
)

// braces reads attributes as they are written on a page, names that are quoted or not.
func (r *pageReader) braces(text string) (string, error) {
	if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") {
		return "", errNoBraces
	}
	r.parser.ResetText([]byte("attributes" + quoteNames(text) + " 1\n"))
	if _, err := r.parser.Next(); err != nil {
		syntax, _ := errors.AsType[*promtext.SyntaxError](err)
		syntax.Text = text
		return "", syntax
	}
	_, attributes := r.labels()
	return set(attributes), nil
}

// quoteNames quotes the names of attributes, which have dots.
func quoteNames(text string) string {
	var b strings.Builder
	name, inside := 0, false // where a name may begin, and whether that is inside quotes
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case !inside && (c == '{' || c == ','):
			b.WriteString(text[name : i+1])
			name = i + 1
		case !inside && c == '=':
			if bare := strings.TrimSpace(text[name:i]); bare != "" && bare[0] != '"' {
				b.WriteString(quoted(bare))
				name = i
			}
		}
	}
	b.WriteString(text[name:])
	return b.String()
}

func (r *pageReader) labels() (metric string, lset map[string]string) {
	lset = map[string]string{}
	for _, l := range r.parser.AppendLabels(nil) {
		if l.Name == model.MetricNameLabel {
			metric = l.Value
			continue
		}
		lset[l.Name] = l.Value
	}
	return metric, lset
}

// knownTypes are those of pages in the words of typeOf, as a scrape understands them.
var knownTypes = map[string]string{"unknown": "gauge", "untyped": "gauge", "info": "sum", "stateset": "sum"}

func (r *pageReader) fact(keyword, rest string) error {
	metric, text, _ := strings.Cut(rest, " ")
	if strings.HasPrefix(rest, `"`) {
		quote, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return errNoMetric
		}
		metric, _ = strconv.Unquote(quote)
		text = rest[len(quote):]
	}
	if metric == "" {
		return errNoMetric
	}
	text = strings.TrimSpace(text)
	if known, ok := knownTypes[text]; ok && keyword == "TYPE" {
		text = known
	}
	r.note(metric, keyword, text)
	return nil
}

func (r *pageReader) sample(line string) error {
	if strings.TrimSpace(line) == "" {
		return nil
	}
	r.parser.ResetText([]byte(line + "\n"))
	if _, err := r.parser.Next(); err != nil {
		return err
	}
	metric, lset := r.labels()
	canonical(metric, lset)
	ms, timed := r.parser.Timestamp()
	r.times = r.times || timed
	r.samples = append(r.samples, sample{
		resource: r.resource, scope: r.scope, metric: metric,
		series: series(metric, lset), value: r.parser.Value(), ms: ms,
	})
	return nil
}

// canonical writes the numbers that are labels in one way.
func canonical(metric string, lset map[string]string) {
	label := "quantile"
	if strings.HasSuffix(metric, "_bucket") {
		label = "le"
	}
	if v, err := strconv.ParseFloat(lset[label], 64); err == nil {
		lset[label] = number(v)
	}
}
