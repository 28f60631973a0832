package exposition

import (
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxExact bounds the integers that a float64 holds each of.
const maxExact = 1 << 53

// appendFloat writes a number as all formats read it: integers in full, because that is fast and short.
func appendFloat(dst []byte, v float64) []byte {
	switch {
	case v == math.Trunc(v) && v > -maxExact && v < maxExact && (v != 0 || !math.Signbit(v)):
		return strconv.AppendInt(dst, int64(v), 10)
	case math.IsInf(v, 1):
		return append(dst, "+Inf"...)
	default:
		return strconv.AppendFloat(dst, v, 'g', -1, 64)
	}
}

// appendBound writes a bound or a quantile of the text format as client libraries do.
func appendBound(dst []byte, v float64) []byte {
	if math.IsInf(v, 1) {
		return append(dst, "+Inf"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// appendCanonical writes a bound or a quantile in OpenMetrics' canonical form, which has a point or an exponent.
func appendCanonical(dst []byte, v float64) []byte {
	begin := len(dst)
	dst = appendBound(dst, v)
	if strings.ContainsAny(string(dst[begin:]), ".eNI") {
		return dst
	}
	return append(dst, ".0"...)
}

// appendMillis writes the timestamp of the text format.
func appendMillis(dst []byte, ts pcommon.Timestamp) []byte {
	return strconv.AppendUint(dst, uint64(ts/1e6), 10)
}

// appendSeconds writes a timestamp of OpenMetrics, to the nanosecond.
func appendSeconds(dst []byte, ts pcommon.Timestamp) []byte {
	dst = strconv.AppendUint(dst, uint64(ts/1e9), 10)
	fraction := uint64(ts % 1e9)
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for digit := uint64(1e8); fraction > 0; digit /= 10 {
		dst = append(dst, byte('0'+fraction/digit))
		fraction %= digit
	}
	return dst
}
