package promtext

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

// strict knows the rules of OpenMetrics that hold between lines. Source: the OpenMetrics 1.0 specification and its test
// vectors.
type strict struct {
	family string
	typ    model.MetricType
	told   map[Entry]bool
	unit   bool
	// samples is the number of samples of the family.
	samples int
	// taken are the names of all families so far and of the samples they may have.
	taken map[string]bool

	groups    map[string]bool
	group     string
	time      int64
	timed     bool
	histogram histogramCheck
}

func newStrict() *strict {
	return &strict{taken: map[string]bool{}}
}

// nextStrict reads an entry and then holds it against the rules.
func (p *Parser) nextStrict() (Entry, error) {
	entry, err := p.nextOpenMetrics()
	if err != nil && !errors.Is(err, io.EOF) {
		return entry, err
	}
	if reason := p.strict.see(p, entry); reason != "" {
		return p.fail(p.start, reason)
	}
	return entry, err
}

// see returns the rule that an entry breaks, or "". EntryNone is the end.
func (s *strict) see(p *Parser, entry Entry) string {
	switch entry {
	case EntrySample:
		return s.sample(p)
	case EntryHelp, EntryType, EntryUnit:
		return s.metadata(p, entry)
	case EntryNone:
		return s.finish()
	case EntryComment:
		return ""
	default:
		return ""
	}
}

func (s *strict) metadata(p *Parser, entry Entry) string {
	name := unescape(p.Name())
	if name != s.family || s.told == nil {
		if reason := s.finish(); reason != "" {
			return reason
		}
		s.begin(name)
	}
	switch {
	case s.samples > 0:
		return "metadata must stand before the samples of its family"
	case s.told[entry]:
		return "metadata of this kind was there already"
	}
	s.told[entry] = true
	switch entry { //nolint:exhaustive // only these tell the rules something
	case EntryType:
		s.typ = p.Type()
	case EntryUnit:
		s.unit = len(p.Text()) > 0
	}
	return ""
}

func (s *strict) begin(family string) {
	s.family, s.typ, s.unit, s.samples = family, model.MetricTypeUnknown, false, 0
	s.told, s.groups = map[Entry]bool{}, map[string]bool{}
	s.group, s.timed, s.histogram = "", false, histogramCheck{}
}

// finish holds the rules that only the end of a family can tell.
func (s *strict) finish() string {
	if s.told == nil {
		return ""
	}
	for _, suffix := range append(suffixes(s.typ), "") {
		if s.taken[s.family+suffix] {
			return "the name clashes with that of an earlier family"
		}
	}
	for _, suffix := range append(suffixes(s.typ), "") {
		s.taken[s.family+suffix] = true
	}
	if s.unit && (s.typ == model.MetricTypeInfo || s.typ == model.MetricTypeStateset) {
		return "a family of this type has no unit"
	}
	return s.histogram.end()
}

// suffixes are what the samples of a type may add to the name of their family, beside nothing.
func suffixes(typ model.MetricType) []string {
	switch typ {
	case model.MetricTypeCounter:
		return []string{"_total", "_created"}
	case model.MetricTypeSummary:
		return []string{"_sum", "_count", "_created"}
	case model.MetricTypeHistogram:
		return []string{"_sum", "_count", "_bucket", "_created"}
	case model.MetricTypeGaugeHistogram:
		return []string{"_gsum", "_gcount", "_bucket"}
	case model.MetricTypeInfo:
		return []string{"_info"}
	case model.MetricTypeGauge, model.MetricTypeStateset, model.MetricTypeUnknown:
		return nil
	default:
		return nil
	}
}

// belongs tells whether a sample may stand in the family.
func (s *strict) belongs(name string) bool {
	suffix, ok := strings.CutPrefix(name, s.family)
	switch {
	case s.told == nil || !ok:
		return false
	case suffix == "":
		return s.typ == model.MetricTypeSummary || len(suffixes(s.typ)) == 0
	default:
		return slices.Contains(suffixes(s.typ), suffix)
	}
}
