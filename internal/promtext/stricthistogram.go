package promtext

import (
	"math"
	"strconv"

	"github.com/prometheus/common/model"
)

// histogramCheck holds the rules within one histogram. The zero value has seen none.
type histogramCheck struct {
	begun bool
	// bound and value are those of the last bucket.
	buckets      int
	bound, value float64
	count        *float64
	sum, gsum    bool
	// negative tells of a bucket below zero, negativeSum of such a gauge sum.
	negative, negativeSum bool
}

// see takes a sample; fresh tells that another histogram begins.
func (h *histogramCheck) see(x *strictSample, fresh bool) string {
	if fresh {
		if reason := h.end(); reason != "" {
			return reason
		}
		*h = histogramCheck{begun: true}
	}
	switch x.suffix {
	case "_bucket":
		return h.bucket(x)
	case "_count", "_gcount":
		h.count = &x.value
	case "_sum":
		h.sum = true
	case "_gsum":
		h.gsum, h.negativeSum = true, x.value < 0
	}
	return ""
}

func (h *histogramCheck) bucket(x *strictSample) string {
	le, _ := find(x.labels, model.BucketLabel)
	bound, err := strconv.ParseFloat(le, 64)
	switch {
	case err != nil:
		return "a bound is no number"
	case h.buckets > 0 && bound <= h.bound:
		return "the buckets are not in ascending order"
	case x.value < h.value:
		return "a bucket holds less than the one before"
	}
	h.buckets++
	h.bound, h.value = bound, x.value
	h.negative = h.negative || bound < 0
	return ""
}

// end returns the rule that the histogram breaks as a whole.
func (h *histogramCheck) end() string {
	switch {
	case !h.begun:
		return ""
	case h.buckets == 0 || !math.IsInf(h.bound, 1):
		return "a histogram needs a bucket with le=\"+Inf\""
	case h.count != nil && *h.count != h.value:
		return "the count of a histogram is not that of its +Inf bucket"
	case (h.sum || h.gsum) != (h.count != nil):
		return "a histogram has sum and count, or neither"
	case h.sum && h.negative:
		return "a histogram with buckets below zero has no sum"
	case h.negativeSum && !h.negative:
		return "the sum of a gauge histogram must not be negative without buckets below zero"
	default:
		return ""
	}
}
