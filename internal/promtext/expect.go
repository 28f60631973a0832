package promtext

import "bytes"

// Expect says how the series of the next sample may read: a text that Series has returned for a page of the same format.
// If it does, its labels are not looked at until somebody asks for them. A page is mostly the one before with other
// numbers.
func (p *Parser) Expect(series []byte) { p.expected = series }

// asExpected returns where the expected series that begins at i ends, if it does begin there.
func (p *Parser) asExpected(i int) (end int, ok bool) {
	n := len(p.expected)
	if n == 0 || p.strict != nil || !bytes.HasPrefix(p.data[i:], p.expected) {
		return i, false
	}
	end = i + n
	if p.at(end) != ' ' || p.expected[n-1] != '}' && !isValueStart(p.at(end+1)) {
		return i, false // labels may follow the blank
	}
	p.series, p.unread = span{i, end}, true
	return end, true
}

func isValueStart(c byte) bool { return c != ' ' && c != '\t' && c != '{' }

// readExpected looks at the labels after all. They are as good as when they were read first.
func (p *Parser) readExpected() {
	if p.unread {
		p.unread, p.expected = false, nil
		_, _ = p.identity(p.series.begin)
	}
}
