package promotlp

import (
	"bytes"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/sluice-metrics/sluice/internal/promtext"
)

// textSource reads text with our own parser.
type textSource struct {
	parser  promtext.Parser
	found   []promtext.Label
	builder labels.ScratchBuilder
	// expecting says that the last good page was of the same format.
	expecting bool
}

var textEntries = [...]entryKind{
	promtext.EntryNone:    entryOther,
	promtext.EntrySample:  entrySample,
	promtext.EntryHelp:    entryHelp,
	promtext.EntryType:    entryType,
	promtext.EntryUnit:    entryUnit,
	promtext.EntryComment: entryOther,
}

func (s *textSource) next(expected []byte) (entryKind, error) {
	if s.expecting {
		s.parser.Expect(expected)
	}
	e, err := s.parser.Next()
	return textEntries[e], err
}

func (s *textSource) family() []byte         { return unescaped(s.parser.Name()) }
func (s *textSource) text() []byte           { return unescaped(s.parser.Text()) }
func (s *textSource) kind() model.MetricType { return s.parser.Type() }
func (s *textSource) series() []byte         { return s.parser.Series() }
func (s *textSource) start() int64           { return 0 }

var unescaper = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\n`, "\n")

func unescaped(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	return []byte(unescaper.Replace(string(text)))
}

func (s *textSource) sample() (v float64, ms int64, hasTime bool) {
	ms, hasTime = s.parser.Timestamp()
	return s.parser.Value(), ms, hasTime
}

func (s *textSource) histogram() (*histogram.Histogram, *histogram.FloatHistogram, int64, bool) {
	return nil, nil, 0, false
}

func (s *textSource) labels() labels.Labels {
	s.found = s.parser.AppendLabels(s.found[:0])
	s.builder.Reset()
	for _, l := range s.found {
		s.builder.Add(l.Name, l.Value)
	}
	s.builder.Sort()
	return s.builder.Labels()
}

func (s *textSource) exemplars(dst []exemplarOf) []exemplarOf {
	e, ok := s.parser.Exemplar(nil)
	if !ok {
		return dst
	}
	return append(dst, exemplarOf{labels: e.Labels, value: e.Value, ms: e.Time, hasTime: e.HasTime})
}
