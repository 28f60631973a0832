package promtext

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// nextText reads an entry of the text format. A line that begins with NUL ends the page, as in Prometheus.
func (p *Parser) nextText() (Entry, error) {
	for {
		p.start = p.pos
		i := p.skipBlanks(p.pos)
		if i >= len(p.data) || p.data[i] == 0 {
			return endOfPage()
		}
		switch p.data[i] {
		case '\n':
			p.pos = i + 1
		case '#':
			return p.textComment(i)
		default:
			return p.textSample(i)
		}
	}
}

// textComment reads what begins with a hash: metadata, if blanks and one of two words follow, else a comment.
func (p *Parser) textComment(hash int) (Entry, error) {
	word := p.skipBlanks(hash + 1)
	if word > hash+1 {
		if name, ok := p.afterKeyword(word, "HELP"); ok {
			return p.textMetadata(EntryHelp, name)
		}
		if name, ok := p.afterKeyword(word, "TYPE"); ok {
			return p.textMetadata(EntryType, name)
		}
	}
	end := p.lineEnd(hash)
	if zero := bytes.IndexByte(p.data[hash:end], 0); zero >= 0 {
		return p.fail(hash, "a comment holds NUL")
	}
	p.text = p.data[hash:end]
	p.pos = end + 1
	return EntryComment, nil
}

// afterKeyword returns where the name begins behind a keyword.
func (p *Parser) afterKeyword(i int, keyword string) (int, bool) {
	if !bytes.HasPrefix(p.data[i:], []byte(keyword)) {
		return i, false
	}
	after := i + len(keyword)
	name := p.skipBlanks(after)
	return name, name > after
}

func (p *Parser) textMetadata(entry Entry, i int) (Entry, error) {
	i, ok := p.metadataName(i)
	if !ok {
		return p.fail(i, "a metric name was expected")
	}
	end := p.lineEnd(i)
	p.text = p.data[min(i+1, end):end]
	p.pos = end + 1
	if entry == EntryHelp {
		return p.help()
	}
	typ, known := textTypes[string(p.text)]
	if !known {
		return p.fail(i, "the metric type is unknown")
	}
	p.typ = typ
	return EntryType, nil
}

var textTypes = map[string]model.MetricType{
	"counter":   model.MetricTypeCounter,
	"gauge":     model.MetricTypeGauge,
	"histogram": model.MetricTypeHistogram,
	"summary":   model.MetricTypeSummary,
	"untyped":   model.MetricTypeUnknown,
}

func (p *Parser) help() (Entry, error) {
	if !utf8.Valid(p.text) {
		return p.fail(p.pos-1, "the help text is not valid UTF-8")
	}
	return EntryHelp, nil
}

// metadataName reads the name that metadata is about and returns the position behind it.
func (p *Parser) metadataName(i int) (int, bool) {
	if p.at(i) == '"' {
		end := p.quoteEnd(i, true)
		if end < 0 {
			return i, false
		}
		p.name, p.quotedName = span{i + 1, end}, true
		return end + 1, true
	}
	end := p.nameEnd(i)
	p.name = span{i, end}
	return end, end > i
}

// lineEnd returns where the line feed is, or would be.
func (p *Parser) lineEnd(i int) int {
	if n := bytes.IndexByte(p.data[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(p.data)
}

func (p *Parser) textSample(i int) (Entry, error) {
	i, reason := p.identity(i)
	if reason != "" {
		return p.fail(i, reason)
	}
	i = p.skipBlanks(i)
	begin := i
	for c := p.at(i); c != ' ' && c != '\t' && c != '\n' && c != '{'; c = p.at(i) {
		i++
	}
	value, ok := parseValue(p.data[begin:i])
	if !ok {
		return p.fail(begin, "a number was expected")
	}
	p.value = canonical(value)
	return p.textTimestamp(i)
}

// identity reads name and labels, and returns the position behind them.
func (p *Parser) identity(i int) (next int, reason string) {
	if end, ok := p.asExpected(i); ok {
		return end, ""
	}
	begin, end := i, p.nameEnd(i)
	p.name = span{i, end}
	if end == i && p.at(i) != '{' {
		return i, "a metric name was expected"
	}
	brace := p.skipBlanks(end)
	if p.at(brace) == '{' {
		if p.labels, end, reason = p.braces(brace+1, p.labels, false); reason != "" {
			return end, reason
		}
	}
	if p.name.begin == p.name.end && !p.quotedName {
		return begin, "the metric has no name"
	}
	p.series = span{begin, end}
	return end, ""
}

func (p *Parser) textTimestamp(i int) (Entry, error) {
	i = p.skipBlanks(i)
	begin := i
	for c := p.at(i); c >= '0' && c <= '9'; c = p.at(i) {
		i++
	}
	if i > begin {
		var err error
		if p.time, err = strconv.ParseInt(view(p.data[begin:i]), 10, 64); err != nil {
			return p.fail(begin, "the timestamp is out of range")
		}
		p.hasTime = true
		i = p.skipBlanks(i)
	}
	if p.at(i) != '\n' {
		return p.fail(i, "a timestamp or the end of the line was expected")
	}
	p.pos = i + 1
	return EntrySample, nil
}
