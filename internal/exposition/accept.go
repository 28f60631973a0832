package exposition

import (
	"cmp"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// clause is one media range of an Accept header.
type clause struct {
	mediaType string
	params    map[string]string
	quality   float64
}

// parseAccept returns the clauses of the header, the best first, equal ones as they stand. It leaves malformed ones
// out: the others are worth serving. A comma always separates, as no parameter of ours holds one.
func parseAccept(h http.Header) []clause {
	var clauses []clause
	for _, line := range h.Values("Accept") {
		for text := range strings.SplitSeq(line, ",") {
			if c, ok := parseClause(text); ok {
				clauses = append(clauses, c)
			}
		}
	}
	slices.SortStableFunc(clauses, func(a, b clause) int { return cmp.Compare(b.quality, a.quality) })
	return clauses
}

func parseClause(text string) (clause, bool) {
	mediaType, params, err := mime.ParseMediaType(text)
	if err != nil {
		return clause{}, false
	}
	quality, ok := parseQuality(params)
	return clause{mediaType: mediaType, params: params, quality: quality}, ok
}

func parseQuality(params map[string]string) (float64, bool) {
	text, given := params["q"]
	if !given {
		return 1, true
	}
	q, err := strconv.ParseFloat(text, 64)
	return q, err == nil && q >= 0 && q <= 1
}
