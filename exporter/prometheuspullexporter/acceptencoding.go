package prometheuspullexporter

import (
	"net/http"
	"strconv"
	"strings"
)

const identity = "identity"

// negotiateCoding picks the coding that the Accept-Encoding headers like best; nil means none. Only a coding that is
// named is served: a scraper that takes any ("*") is best served with none.
func negotiateCoding(h http.Header) *coding {
	accepted := acceptedCodings(h)
	var best *coding
	quality := accepted[identity]
	for _, c := range codings {
		if q := accepted[c.name]; q > 0 && (q > quality || best == nil && q == quality) {
			best, quality = c, q
		}
	}
	return best
}

// acceptedCodings returns the quality of each coding that is named; one that is malformed counts as refused.
func acceptedCodings(h http.Header) map[string]float64 {
	accepted := make(map[string]float64)
	for _, line := range h.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			accepted[strings.ToLower(strings.TrimSpace(name))] = qualityOf(params)
		}
	}
	return accepted
}

func qualityOf(params string) float64 {
	params = strings.TrimSpace(params)
	if params == "" {
		return 1
	}
	text, ok := strings.CutPrefix(strings.ToLower(params), "q=")
	q, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}
