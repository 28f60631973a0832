package exposition

import (
	"fmt"
	"regexp/syntax"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/strutil"
)

// What one request may ask us to compile.
const (
	maxSelectors     = 100
	maxSelectorBytes = 10_000
	// maxPatternSize is about in instructions: ten bytes of a pattern can mean a thousand.
	maxPatternSize = 20_000
)

func checkBounds(selectors []string) error {
	bytes, size := 0, 0
	for _, text := range selectors {
		bytes += len(text)
	}
	if len(selectors) > maxSelectors || bytes > maxSelectorBytes {
		return fmt.Errorf("`match[]` holds %d selectors of %d bytes, at most %d of %d are allowed",
			len(selectors), bytes, maxSelectors, maxSelectorBytes)
	}
	for _, text := range selectors {
		size += patternSize(text)
	}
	if size > maxPatternSize {
		return fmt.Errorf("`match[]` holds regular expressions %d times as large as allowed", size/maxPatternSize+1)
	}
	return nil
}

// patternSize takes each string of a selector for a regular expression: others are not long enough to matter.
func patternSize(selector string) int {
	lexer, size := parser.Lex(selector), 0
	for {
		var item parser.Item
		lexer.NextItem(&item)
		switch item.Typ {
		case parser.STRING:
			size += compiledSize(item.Val)
		case parser.EOF, parser.ERROR:
			return size
		default:
		}
	}
}

// compiledSize of a string that is no regular expression is 0: the parser refuses it soon enough.
func compiledSize(quoted string) int {
	pattern, err := strutil.Unquote(quoted)
	if err != nil {
		return 0
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	return nodes(re)
}

func nodes(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		size += nodes(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return size
}
