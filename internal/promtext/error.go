package promtext

import (
	"bytes"
	"fmt"
)

// SyntaxError is why a page cannot be read.
type SyntaxError struct {
	// Line is the number of the line, from 1.
	Line int
	// Reason says what is wrong, Text how the line begins.
	Reason, Text string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d: %s: %q", e.Line, e.Reason, e.Text)
}

// maxErrorText bounds what an error quotes.
const maxErrorText = 200

// fail makes the error for the entry under way; it is found at a position.
func (p *Parser) fail(at int, reason string) (Entry, error) {
	at = min(at, len(p.data))
	begin := bytes.LastIndexByte(p.data[:at], '\n') + 1
	text := p.data[begin:]
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		text = text[:end]
	}
	err := &SyntaxError{
		Line:   1 + bytes.Count(p.data[:begin], []byte{'\n'}),
		Reason: reason,
		Text:   string(text[:min(len(text), maxErrorText)]),
	}
	p.pos = len(p.data)
	return EntryNone, err
}
