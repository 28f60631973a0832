package promotlp

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/sluice-metrics/sluice/internal/promtext"
)

// parsedSource reads a page with a parser of Prometheus.
type parsedSource struct {
	parser     textparse.Parser
	name, body []byte
	typ        model.MetricType
	id         []byte
	value      float64
	time       *int64
	h          *histogram.Histogram
	fh         *histogram.FloatHistogram
	protobuf   bool
}

func (s *parsedSource) next([]byte) (entryKind, error) {
	e, err := s.parser.Next()
	if err != nil {
		return entryOther, err
	}
	switch e {
	case textparse.EntryHelp:
		s.name, s.body = s.parser.Help()
		return entryHelp, nil
	case textparse.EntryType:
		s.name, s.typ = s.parser.Type()
		return entryType, nil
	case textparse.EntryUnit:
		s.name, s.body = s.parser.Unit()
		return entryUnit, nil
	case textparse.EntrySeries:
		s.id, s.time, s.value = s.parser.Series()
		return entrySample, nil
	case textparse.EntryHistogram:
		s.id, s.time, s.h, s.fh = s.parser.Histogram()
		return entryHistogram, nil
	case textparse.EntryComment, textparse.EntryInvalid:
		return entryOther, nil
	default:
		return entryOther, nil
	}
}

func (s *parsedSource) family() []byte         { return s.name }
func (s *parsedSource) text() []byte           { return s.body }
func (s *parsedSource) kind() model.MetricType { return s.typ }
func (s *parsedSource) series() []byte         { return s.id }

// start is told by protobuf only: in OpenMetrics it is a series of its own, which the parser would look for each time.
func (s *parsedSource) start() int64 {
	if !s.protobuf {
		return 0
	}
	return s.parser.StartTimestamp()
}

func (s *parsedSource) sample() (v float64, ms int64, hasTime bool) {
	ms, hasTime = s.ms()
	return s.value, ms, hasTime
}

func (s *parsedSource) histogram() (*histogram.Histogram, *histogram.FloatHistogram, int64, bool) {
	ms, hasTime := s.ms()
	return s.h, s.fh, ms, hasTime
}

func (s *parsedSource) ms() (int64, bool) {
	if s.time == nil {
		return 0, false
	}
	return *s.time, true
}

func (s *parsedSource) labels() (lset labels.Labels) {
	s.parser.Labels(&lset)
	return lset
}

func (s *parsedSource) exemplars(dst []exemplarOf) []exemplarOf {
	for e := (exemplar.Exemplar{}); s.parser.Exemplar(&e); e = (exemplar.Exemplar{}) {
		var found []promtext.Label
		e.Labels.Range(func(l labels.Label) { found = append(found, promtext.Label{Name: l.Name, Value: l.Value}) })
		dst = append(dst, exemplarOf{labels: found, value: e.Value, ms: e.Ts, hasTime: e.HasTs})
	}
	return dst
}
