package promtext

import (
	"io"
	"math"

	"github.com/prometheus/common/model"
)

// Entry is what a line holds.
type Entry int

// The entries. Blank lines are passed over.
const (
	EntryNone Entry = iota
	EntrySample
	EntryHelp
	EntryType
	EntryUnit
	EntryComment
)

// Parser reads one page. What its methods return is valid until Next or Reset.
type Parser struct {
	data        []byte
	pos         int
	openMetrics bool

	// start is where the entry begins, series and name are parts of a sample or the name of metadata.
	start        int
	series, name span
	labels       []labelSpan
	quotedName   bool
	value        float64
	time         int64
	hasTime      bool
	text         []byte
	typ          model.MetricType

	exemplar exemplarSpan

	// expected is what Expect was told; unread says that the sample is of that series, whose parts are not known.
	expected []byte
	unread   bool

	// looseComma is set where a comma ends a list of labels, strict where that and more is refused.
	looseComma bool
	strict     *strict
}

// span is a part of the page.
type span struct{ begin, end int }

// labelSpan is where name and value lie, without their quotes.
type labelSpan struct{ name, value span }

type exemplarSpan struct {
	present bool
	labels  []labelSpan
	value   float64
	time    int64
	hasTime bool
}

// ResetText begins a page in text format.
func (p *Parser) ResetText(page []byte) { p.reset(page, false) }

// ResetOpenMetrics begins a page in OpenMetrics.
func (p *Parser) ResetOpenMetrics(page []byte) { p.reset(page, true) }

// ResetStrict begins a page in OpenMetrics that must keep all rules of the standard, those between lines included.
func (p *Parser) ResetStrict(page []byte) {
	p.reset(page, true)
	p.strict = newStrict()
}

func (p *Parser) reset(page []byte, openMetrics bool) {
	*p = Parser{
		data: page, openMetrics: openMetrics, typ: "", labels: p.labels[:0],
		exemplar: exemplarSpan{labels: p.exemplar.labels[:0]},
	}
}

// Next reads the next entry. The error is io.EOF at the end of the page, else a *SyntaxError; after either nothing more
// can be read.
func (p *Parser) Next() (Entry, error) {
	p.labels, p.exemplar.present, p.hasTime, p.quotedName, p.looseComma, p.unread = p.labels[:0], false, false, false, false, false
	switch {
	case p.strict != nil:
		return p.nextStrict()
	case p.openMetrics:
		return p.nextOpenMetrics()
	default:
		return p.nextText()
	}
}

// Series returns the text of a sample's name and labels as it stands on the page.
func (p *Parser) Series() []byte { return p.bytes(p.series) }

// Name returns the name of a sample, or of the family that metadata is about. It may have escapes if it is quoted.
func (p *Parser) Name() []byte {
	p.readExpected()
	return p.bytes(p.name)
}

// Value returns the value of a sample. There is one NaN only: that of Prometheus for "not a number".
func (p *Parser) Value() float64 { return p.value }

// Timestamp returns the time of a sample in milliseconds.
func (p *Parser) Timestamp() (int64, bool) { return p.time, p.hasTime }

// Text returns the text of HELP, UNIT or a comment. That of HELP may have escapes.
func (p *Parser) Text() []byte { return p.text }

// Type returns the type of the last TYPE line, "" before the first.
func (p *Parser) Type() model.MetricType { return p.typ }

func (p *Parser) bytes(s span) []byte { return p.data[s.begin:s.end] }

// at returns the byte at a position, and a line feed behind the end: the last line may lack its own.
func (p *Parser) at(i int) byte {
	if i < len(p.data) {
		return p.data[i]
	}
	return '\n'
}

// normalNaN are the bits of Prometheus' NaN that is not a staleness marker.
const normalNaN = 0x7ff8000000000001

func canonical(v float64) float64 {
	if math.IsNaN(v) {
		return math.Float64frombits(normalNaN)
	}
	return v
}

// endOfPage is what Next returns at the end.
func endOfPage() (Entry, error) { return EntryNone, io.EOF }
