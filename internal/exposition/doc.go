// Package exposition turns OTLP metrics into Prometheus pages.
//
//	Add(pmetric.Metrics) ─▶ series and what it becomes, found ─▶ record: its number ─▶ Write ─▶ page, in pieces
//	                        or made, the first time only
//
// What depends on a series' identity alone is done when it is first seen: names are translated, collisions of labels
// resolved, conflicts of families found. From then on a point costs a comparison of bytes and a number, and a scrape
// appends bytes. A resource and a scope are rendered once for all their series, the names of attributes once for all
// series that have the same ones; of most series only the values are kept, in the key they are found by (package series).
//
//	Store ── family ── Table[record]     one per name; a lock of its own, under which its series change and are rendered
//	  │         └───── states, odd       what few series have: buckets, labels that had to be joined or escaped
//	  └───── contexts                    resources and scopes, for as long as they have series
//
// The rules are those of the OpenTelemetry "Prometheus and OpenMetrics compatibility" specification, with names
// translated by github.com/prometheus/otlptranslator.
//
// Nothing is dropped silently: Add reports every refused point with its Reason, and a page reports the points its
// format cannot show.
package exposition
