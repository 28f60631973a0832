package promtext

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/prometheus/prometheus/model/labels"
)

// parseValue reads a number as Prometheus does: hexadecimal ones and underscores, which Go allows, are none.
func parseValue(text []byte) (float64, bool) {
	if v, ok := parseShort(text); ok {
		return v, true
	}
	s := view(text)
	if strings.ContainsAny(s, "pP_") {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// view is text as a string without a copy, for functions that keep nothing of it but in errors, which are dropped.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) } //nolint:gosec // audited

// maxDigits is how many decimal digits a float64 holds exactly.
const maxDigits = 15

var powersOfTen = [maxDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// parseShort reads a plain decimal number of few digits: both its digits and the power of ten below them are exact, so
// that one division rounds once, as it should.
func parseShort(text []byte) (float64, bool) {
	digits, negative := text, false
	if len(digits) > 0 && digits[0] == '-' {
		digits, negative = digits[1:], true
	}
	if len(digits) == 0 || len(digits) > maxDigits {
		return 0, false
	}
	mantissa, point := uint64(0), -1
	for i, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			mantissa = mantissa*10 + uint64(c-'0')
		case c == '.' && point < 0:
			point = i
		default:
			return 0, false
		}
	}
	v := float64(mantissa)
	if point >= 0 {
		if len(digits) == 1 {
			return 0, false
		}
		v /= powersOfTen[len(digits)-1-point]
	}
	if negative {
		v = -v
	}
	return v, true
}

// normalizeNumber gives a number the form that OpenMetrics does, and leaves what is no number as it is. Prometheus takes
// more for a number here than in values.
func normalizeNumber(s string) string {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return labels.FormatOpenMetricsFloat(v)
}
