package exposition

import (
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

const (
	textType        = "text/plain"
	openMetricsType = "application/openmetrics-text"
	protobufType    = "application/vnd.google.protobuf"
	protobufMessage = "io.prometheus.client.MetricFamily"
)

// offer is a format in the words of an Accept header.
type offer struct {
	kind      Kind
	version   string
	mediaType string
	params    map[string]string
}

// offers is in the order in which a clause that names no version, or no type, is answered: the oldest first.
var offers = []offer{
	{Text, "0.0.4", textType, map[string]string{"version": "0.0.4"}},
	{Text, "1.0.0", textType, map[string]string{"version": "1.0.0"}},
	{OpenMetrics, "0.0.1", openMetricsType, map[string]string{"version": "0.0.1"}},
	{OpenMetrics, "1.0.0", openMetricsType, map[string]string{"version": "1.0.0"}},
	{Protobuf, "", protobufType, map[string]string{"proto": protobufMessage, "encoding": "delimited"}},
}

// Negotiate picks the format that the Accept headers of a scrape ask for, other than those left out. The clause of the
// highest quality that can be served wins, among equals the first, and its escaping applies, in any version: Prometheus
// 3.0 asks for allow-utf-8 in text 0.0.4. A clause with q=0 refuses what no clause at least as specific asks for. What
// is left is text 0.0.4 with underscores, as the protocol demands, whatever was refused.
func Negotiate(h http.Header, without ...Kind) Format {
	clauses := parseAccept(h)
	refused := refusals(clauses)
	for _, c := range clauses {
		for i := range offers {
			o := &offers[i]
			if c.quality > 0 && o.match(c) > refused[i] && !slices.Contains(without, o.kind) {
				return Format{Kind: o.kind, Version: o.version, Escaping: escapingOf(c)}
			}
		}
	}
	return Format{Kind: Text, Version: "0.0.4", Escaping: model.UnderscoreEscaping}
}

// refusals returns, for each offer, how specific the most specific clause is that refuses it; 0 means none does.
func refusals(clauses []clause) []int {
	refused := make([]int, len(offers))
	for _, c := range clauses {
		if c.quality > 0 {
			continue
		}
		for i := range offers {
			refused[i] = max(refused[i], offers[i].match(c))
		}
	}
	return refused
}

// match returns how specific a clause is about the offer: 0 means that it is about another one.
func (o *offer) match(c clause) int {
	mainType, _, _ := strings.Cut(o.mediaType, "/")
	switch c.mediaType {
	case "*/*":
		return 1
	case mainType + "/*":
		return 2
	case o.mediaType:
		return o.matchParams(c)
	default:
		return 0
	}
}

// matchParams takes a missing parameter for any, and ignores parameters that the offer does not know.
func (o *offer) matchParams(c clause) int {
	specific := 3
	for key, value := range o.params {
		got, given := c.params[key]
		switch {
		case !given:
		case got == value:
			specific++
		default:
			return 0
		}
	}
	return specific
}

// escapingOf falls back to underscores, which every parser reads.
func escapingOf(c clause) model.EscapingScheme {
	scheme, err := model.ToEscapingScheme(c.params[model.EscapingKey])
	if err != nil {
		return model.UnderscoreEscaping
	}
	return scheme
}
