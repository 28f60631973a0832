package exposition

import (
	"bytes"
	"strings"

	"github.com/prometheus/common/model"
)

// Labels are kept as the text of the formats, each behind a comma: `,path="/",method="GET"`. Names that are not legacy
// names are quoted as values are.

func appendLabels(dst []byte, ls []label) []byte {
	for _, l := range ls {
		dst = appendLabelName(append(dst, ','), l.name)
		dst = appendQuoted(append(dst, '='), l.value)
	}
	return dst
}

func appendLabelName(dst []byte, name string) []byte {
	if isLegacyLabel(name) {
		return append(dst, name...)
	}
	return appendQuoted(dst, name)
}

// escapesInQuotes are the characters a quoted text has a backslash before.
const escapesInQuotes = `\"` + "\n"

func isLegacyName(name string) bool { return model.LegacyValidation.IsValidMetricName(name) }

func isLegacyLabel(name string) bool { return model.LegacyValidation.IsValidLabelName(name) }

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	return append(appendEscaped(dst, s, escapesInQuotes), '"')
}

// appendEscaped puts a backslash before each of the characters to escape; a line feed becomes `\n`.
func appendEscaped(dst []byte, s, escape string) []byte {
	for {
		i := strings.IndexAny(s, escape)
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(append(dst, s[:i]...), '\\', escaped(s[i]))
		s = s[i+1:]
	}
}

func escaped(c byte) byte {
	if c == '\n' {
		return 'n'
	}
	return c
}

// parseLabels reads what appendLabels wrote. The strings are copies.
func parseLabels(dst []label, text []byte) []label {
	for len(text) > 0 {
		var name, value string
		name, text = parseName(text[1:])
		value, text = parseQuoted(text[1:])
		dst = append(dst, label{key: name, name: name, value: value})
	}
	return dst
}

func parseName(text []byte) (string, []byte) {
	if text[0] == '"' {
		return parseQuoted(text)
	}
	end := bytes.IndexByte(text, '=')
	return string(text[:end]), text[end:]
}

func parseQuoted(text []byte) (string, []byte) {
	end, escapes := quotedEnd(text)
	if !escapes {
		return string(text[1:end]), text[end+1:]
	}
	return string(appendUnescaped(nil, text[1:end])), text[end+1:]
}

// quotedEnd returns where the closing quote of a text is that begins with a quote, and whether it has escapes.
func quotedEnd(text []byte) (end int, escapes bool) {
	for end = 1; text[end] != '"'; end++ {
		if text[end] == '\\' {
			escapes = true
			end++
		}
	}
	return end, escapes
}

func appendUnescaped(dst, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' {
			i++
			if c = text[i]; c == 'n' {
				c = '\n'
			}
		}
		dst = append(dst, c)
	}
	return dst
}
