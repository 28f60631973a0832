// Package exposition turns OTLP metrics into Prometheus pages.
//
//	Add(pmetric.Metrics) ─▶ translate ─▶ Store (latest state per series) ─▶ Page(kind, scheme) ─▶ expfmt
//
// A Store keeps, for every series, the latest cumulative state as an immutable message: a scrape copies pointers
// under a read lock and does the rest outside it. A batch is applied under one lock, so a page never shows half of one.
// The rules are those of the OpenTelemetry "Prometheus and OpenMetrics compatibility" specification, with names
// translated by github.com/prometheus/otlptranslator.
//
// Nothing is dropped silently: Add reports every refused point with its Reason, and a page reports the points its
// format cannot show.
package exposition
