// Package promotlp turns the pages that one target shows, scrape by scrape, into OTLP: what Prometheus would store, mapped
// by the compatibility specification of OpenTelemetry.
//
// All that depends only on a series (its labels after relabelling, the metric it belongs to, its attributes) is worked
// out when the series is first seen and kept in a Cache; a sample of a known series costs a comparison of bytes and a
// number. A page is read as a whole (Cache.Read) before anything of it is passed on (Cache.Batch), so that a page that is
// bad in its middle leaves nothing behind. What was there at the last scrape and is no more gets staleness markers, which
// are owed until a batch with them is delivered.
//
// Source: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ and the scrape loop of
// prometheus/prometheus.
package promotlp
