package promtext

// The classes of characters that names are made of.
const (
	classLabelStart = 1 << iota
	classLabel
	classNameStart
	className
)

var classes = makeClasses()

func makeClasses() (t [256]uint8) {
	for c := range 256 {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		digit := c >= '0' && c <= '9'
		if letter {
			t[c] |= classLabelStart | classNameStart
		}
		if letter || digit {
			t[c] |= classLabel | className
		}
		if c == ':' {
			t[c] |= classNameStart | className
		}
	}
	return t
}

// nameEnd returns where the metric name that begins at i ends, i if none does.
func (p *Parser) nameEnd(i int) int { return p.wordEnd(i, classNameStart, className) }

// labelEnd is nameEnd for the name of a label.
func (p *Parser) labelEnd(i int) int { return p.wordEnd(i, classLabelStart, classLabel) }

func (p *Parser) wordEnd(i int, first, rest uint8) int {
	if i >= len(p.data) || classes[p.data[i]]&first == 0 {
		return i
	}
	for i++; i < len(p.data) && classes[p.data[i]]&rest != 0; i++ {
	}
	return i
}

// skipBlanks passes over blanks and tabs, which only the text format has between its parts.
func (p *Parser) skipBlanks(i int) int {
	for !p.openMetrics && i < len(p.data) && (p.data[i] == ' ' || p.data[i] == '\t') {
		i++
	}
	return i
}

// quoteEnd returns where the quote that opens at i closes, or -1. OpenMetrics has no line feeds in values, and no format
// has them behind a backslash.
func (p *Parser) quoteEnd(i int, lineFeeds bool) int {
	for i++; i < len(p.data); i++ {
		switch p.data[i] {
		case '"':
			return i
		case '\\':
			if i++; p.at(i) == '\n' {
				return -1
			}
		case '\n':
			if !lineFeeds {
				return -1
			}
		}
	}
	return -1
}
