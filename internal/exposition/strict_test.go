package exposition

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The rules of OpenMetrics 1.0 that Prometheus' parser does not check. Two it has are left out, as the README says: a sum
// may be NaN, and stand beside negative bounds.

const (
	omQuoted = `"(?:[^"\\\n]|\\["\\n])*"`
	omPair   = `(?:[a-zA-Z_][a-zA-Z0-9_]*|` + omQuoted + `)=` + omQuoted
	omPairs  = omPair + `(?:,` + omPair + `)*`
	omName   = `[a-zA-Z_:][a-zA-Z0-9_:]*`
	omNumber = `[-+]?(?:[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|Inf)|NaN`
	omTime   = `[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?`
)

var (
	omSample = regexp.MustCompile(`^(?:(` + omName + `)(?:\{(` + omPairs + `)\})?|\{(` + omQuoted + `)(?:,(` + omPairs + `))?\}) (` +
		omNumber + `)(?: ` + omTime + `)?(?: # \{(` + omPairs + `)?\} (?:` + omNumber + `)(?: ` + omTime + `)?)?$`)
	omMetadata = regexp.MustCompile(`^# (TYPE|HELP|UNIT) (` + omName + `|` + omQuoted + `) (.*)$`)
	omLabel    = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*|` + omQuoted + `)=(` + omQuoted + `)`)
)

// omSuffixes are what the samples of a type add to the name of their family.
var omSuffixes = map[string][]string{
	"gauge": {""}, "unknown": {""}, "stateset": {""}, "info": {"_info"}, "counter": {"_total", "_created"},
	"histogram": {"_bucket", "_sum", "_count", "_created"}, "summary": {"", "_sum", "_count", "_created"},
}

// strictPage is what was read of a page.
type strictPage struct {
	t      tester
	body   string
	family strictFamily
	// families and names are those seen; a name belongs to the family that has it, or a sample of it.
	families map[string]bool
	names    map[string]string
}

// strictFamily is the family under way.
type strictFamily struct {
	name, typ string
	// said are the keywords seen, metrics and samples the texts of labels and of samples.
	said, metrics, samples map[string]bool
	metric                 strictMetric
}

// strictMetric is the metric under way: the samples with the same labels.
type strictMetric struct {
	labels       string
	le           float64
	count, total string
	buckets      bool
}

// requireStrict fails on an OpenMetrics page that a strict parser refuses.
func requireStrict(t tester, body []byte) {
	t.Helper()
	p := strictPage{t: t, body: string(body), families: map[string]bool{}, names: map[string]string{}}
	require.True(t, utf8.Valid(body))
	lines, ended := strings.CutSuffix(p.body, "# EOF\n")
	p.require(ended, "no end")
	for line := range strings.Lines(lines) {
		text, whole := strings.CutSuffix(line, "\n")
		p.require(whole, line)
		p.line(text)
	}
	p.endFamily()
}

func (p *strictPage) require(ok bool, line string) {
	require.Truef(p.t, ok, "line %q of page:\n%s", line, p.body)
}

func (p *strictPage) line(line string) {
	if m := omMetadata.FindStringSubmatch(line); m != nil {
		p.metadata(line, m[1], omText(m[2]), m[3])
		return
	}
	m := omSample.FindStringSubmatch(line)
	p.require(m != nil, line)
	name := m[1]
	if name == "" {
		name = omText(m[3])
	}
	p.sample(line, name, m[2]+m[4], m[5])
	p.exemplar(line, name, m[6])
}

func omText(s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(s[1 : len(s)-1])
}

// metadata stands before the samples of its family, once.
func (p *strictPage) metadata(line, keyword, family, text string) {
	if family != p.family.name || p.family.said == nil {
		p.endFamily()
		p.beginFamily(line, family)
	}
	f := &p.family
	p.require(!f.said[keyword] && len(f.samples) == 0, line)
	f.said[keyword] = true
	switch keyword {
	case "TYPE":
		f.typ = text
		p.require(omSuffixes[text] != nil, line)
	case "UNIT":
		p.require(strings.HasSuffix(family, "_"+text) && text != "", line)
	}
}

// beginFamily takes the name of a family, which no other has, nor a sample of another.
func (p *strictPage) beginFamily(line, name string) {
	p.require(!p.families[name], line)
	p.families[name] = true
	p.take(line, name, name)
	p.family = strictFamily{name: name, said: map[string]bool{}, metrics: map[string]bool{}, samples: map[string]bool{}}
}

func (p *strictPage) take(line, name, family string) {
	owner, taken := p.names[name]
	p.require(!taken || owner == family, line)
	p.names[name] = family
}

func (p *strictPage) endFamily() {
	f := &p.family
	if f.said == nil {
		return
	}
	p.endMetric()
	p.require(f.typ != "" && len(f.samples) > 0, f.name)
	p.require(!f.said["UNIT"] || f.typ != "info" && f.typ != "stateset", "# UNIT "+f.name)
}

func (p *strictPage) sample(line, name, text, value string) {
	f := &p.family
	suffix, ok := strings.CutPrefix(name, f.name)
	p.require(ok && slices.Contains(omSuffixes[f.typ], suffix), line)
	p.take(line, name, f.name)
	p.require(!f.samples[name+text], line)
	f.samples[name+text] = true
	labels, special := p.labels(line, suffix, text)
	if labels != f.metric.labels || len(f.metrics) == 0 {
		p.endMetric()
		p.require(!f.metrics[labels], line)
		f.metrics[labels] = true
		f.metric = strictMetric{labels: labels, le: math.Inf(-1)}
	}
	p.value(line, suffix, special, value)
}

// labels returns the labels without the one that a sample of the type adds, and that.
func (p *strictPage) labels(line, suffix, text string) (rest, special string) {
	var own []string
	seen := map[string]bool{}
	extra := map[string]string{"histogram_bucket": "le", "summary": "quantile"}[p.family.typ+suffix]
	for _, m := range omLabel.FindAllStringSubmatch(text, -1) {
		name := omText(m[1])
		p.require(!seen[name], line)
		seen[name] = true
		if name == extra {
			special = omText(m[2])
			p.require(strings.ContainsAny(special, ".eI"), line)
			continue
		}
		own = append(own, m[0])
	}
	p.require((extra != "") == (special != ""), line)
	return strings.Join(own, ","), special
}

func (p *strictPage) value(line, suffix, special, text string) {
	m, number := &p.family.metric, omFloat(text)
	switch p.family.typ + suffix {
	case "counter_total", "histogram_count", "summary_count":
		p.require(number >= 0, line)
	case "info_info":
		p.require(number == 1, line)
	case "stateset":
		p.require(number == 0 || number == 1, line)
	case "summary":
		rank := omFloat(special)
		p.require(rank >= 0 && rank <= 1, line)
	case "histogram_bucket":
		bound := omFloat(special)
		p.require(!m.buckets || bound > m.le, line)
		p.require(m.total == "" || number >= omFloat(m.total), line)
		m.le, m.total, m.buckets = bound, text, true
	}
	if p.family.typ+suffix == "histogram_count" {
		m.count = text
	}
}

func omFloat(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

func (p *strictPage) endMetric() {
	m := &p.family.metric
	if p.family.typ == "histogram" && len(p.family.metrics) > 0 {
		p.require(math.IsInf(m.le, 1) && m.count == m.total, p.family.name+m.labels)
	}
}

func (p *strictPage) exemplar(line, name, text string) {
	if !strings.Contains(line, " # {") || text == "" {
		return
	}
	p.require(strings.HasSuffix(name, "_total") && p.family.typ == "counter" || strings.HasSuffix(name, "_bucket") && p.family.typ == "histogram", line)
	runes := 0
	for _, m := range omLabel.FindAllStringSubmatch(text, -1) {
		runes += utf8.RuneCountInString(omText(m[1])) + utf8.RuneCountInString(omText(m[2]))
	}
	p.require(runes <= 128, line)
}
