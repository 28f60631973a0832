package promotlp

import (
	"errors"
	"io"
	"mime"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/sluice-metrics/sluice/internal/promtext"
)

// source reads a page entry by entry. What it returns is valid until the next entry.
type source interface {
	// next returns io.EOF at the end of the page. A sample is probably of the series expected, a text of an earlier page.
	next(expected []byte) (entryKind, error)

	// family is what metadata is about, text its HELP or UNIT, kind its TYPE.
	family() []byte
	text() []byte
	kind() model.MetricType

	// series identifies a sample, or a histogram, within all pages of a target.
	series() []byte
	sample() (v float64, ms int64, hasTime bool)
	histogram() (h *histogram.Histogram, fh *histogram.FloatHistogram, ms int64, hasTime bool)
	labels() labels.Labels
	// start is when the series began, in milliseconds, 0 if the sample does not tell.
	start() int64
	exemplars(dst []exemplarOf) []exemplarOf
}

type entryKind int

const (
	entryOther entryKind = iota
	entryHelp
	entryType
	entryUnit
	entrySample
	entryHistogram
)

// exemplarOf is an exemplar of the sample under way.
type exemplarOf struct {
	labels  []promtext.Label
	value   float64
	ms      int64
	hasTime bool
}

// sources are the readers of a cache, to be used again.
type sources struct {
	text   textSource
	parsed parsedSource
	// media is that of the page, good that of the last good page, to which all texts in the cache belong.
	media, good string
}

// open finds the reader of a page by its content type, as Prometheus does.
func (s *sources) open(page []byte, contentType string, o *Options) (source, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || !known(media) {
		media = o.Fallback
	}
	s.text.expecting, s.media = media == s.good, media
	switch {
	case media == mediaText && !o.ConvertToNHCB:
		s.text.parser.ResetText(page)
		return &s.text, nil
	case media == mediaOpenMetrics && o.Strict && !o.ConvertToNHCB:
		s.text.parser.ResetStrict(page)
		return &s.text, nil
	case media == mediaOpenMetrics && !o.ConvertToNHCB:
		s.text.parser.ResetOpenMetrics(page)
		return &s.text, nil
	default:
		return s.openParsed(page, contentType, o)
	}
}

const (
	mediaText        = "text/plain"
	mediaOpenMetrics = "application/openmetrics-text"
	mediaProtobuf    = "application/vnd.google.protobuf"
)

func known(media string) bool {
	return media == mediaText || media == mediaOpenMetrics || media == mediaProtobuf
}

// openParsed leaves the page to Prometheus' own parsers: those of protobuf and of what converts histograms. They find
// out about unknown content types too.
func (s *sources) openParsed(page []byte, contentType string, o *Options) (source, error) {
	p, err := textparse.New(page, contentType, labels.NewSymbolTable(), textparse.ParserOptions{
		IgnoreNativeHistograms:                  !o.NativeHistograms,
		ConvertClassicHistogramsToNHCB:          o.ConvertToNHCB,
		KeepClassicOnClassicAndNativeHistograms: o.KeepClassic,
		FallbackContentType:                     o.Fallback,
	})
	if p == nil {
		return nil, err
	}
	s.parsed = parsedSource{parser: p, protobuf: s.media == mediaProtobuf}
	return &s.parsed, nil
}

// explain gives an error of Prometheus' parsers the line that ours finds, if it finds one.
func explain(err error, page []byte, media string) error {
	var p promtext.Parser
	switch media {
	case mediaText:
		p.ResetText(page)
	case mediaOpenMetrics:
		p.ResetOpenMetrics(page)
	default:
		return err
	}
	for {
		if _, found := p.Next(); errors.Is(found, io.EOF) {
			return err
		} else if found != nil {
			return found
		}
	}
}
