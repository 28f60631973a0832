package exposition

import (
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Kind is a kind of page.
type Kind int

// The kinds of pages.
const (
	Text Kind = iota
	OpenMetrics
	Protobuf
)

// Format is what a page is written in.
type Format struct {
	Kind Kind
	// Version is that of the format: 0.0.4 or 1.0.0 of Text, 0.0.1 or 1.0.0 of OpenMetrics. Protobuf has none.
	Version string
	// Escaping is what becomes of names that are more than letters, digits and underscores.
	Escaping model.EscapingScheme
}

// ContentType describes the format in the header of an answer. It tells the escaping in every version, as
// client_golang does: a scraper may have asked for it where the standard did not expect it.
func (f Format) ContentType() string {
	escaping := "; " + model.EscapingKey + "=" + f.Escaping.String()
	switch f.Kind {
	case OpenMetrics:
		return openMetricsType + "; version=" + f.Version + "; charset=utf-8" + escaping
	case Protobuf:
		return protobufType + "; proto=" + protobufMessage + "; encoding=delimited" + escaping
	default:
		return textType + "; version=" + f.Version + "; charset=utf-8" + escaping
	}
}

// expfmt is what comes nearest: expfmt writes text 1.0.0 under the name of 0.0.4.
func (f Format) expfmt() expfmt.Format {
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	switch f.Kind {
	case OpenMetrics:
		format, _ = expfmt.NewOpenMetricsFormat(f.Version)
	case Protobuf:
		format = expfmt.NewFormat(expfmt.TypeProtoDelim)
	case Text:
	}
	return format.WithEscapingScheme(f.Escaping)
}
