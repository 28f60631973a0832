// Package metrics has typed instruments for Go applications: [Counter], [Gauge], [Histogram] and [Summary], of any number
// type and with labels that are fields of a struct. A [Registry] hands them to Prometheus as a collector of client_golang,
// and to OTel as a producer for any reader of its SDK, which sends them by OTLP.
//
//	type Route struct {
//		Method string `label:"http.request.method"`
//		Route  string `label:"http.route"`
//	}
//
//	requests, err := metrics.NewCounterVec[int64, Route]("http.requests", "Requests served.",
//		metrics.Labels{"app": "shop"}, metrics.Constraints[int64]{}, metrics.WithUnit("{request}"))
//	requests.With(Route{"GET", "/pay"}).Inc()
//
// # When to use it
//
// Use it where you would hold a client_golang instrument, and want one of these: labels that the compiler checks, at a
// third of the price of WithLabelValues; values that are checked before they spoil a sum; integers that stay integers in
// OTLP; summaries at the price of a histogram; to be told of changes; one set of instruments for Prometheus and OTLP.
//
// Use client_golang where a library hands you its collectors, or you need what it alone has: metrics computed when
// scraped, currying, a Pushgateway client. Both kinds go into one prometheus.Registry.
//
// Use OTel's API where you instrument a library, so that its users choose the SDK; where views, delta temporality,
// asynchronous instruments or up-down counters are needed; and for traces and logs in any case. Both kinds go through one
// reader of the SDK.
//
// # What is recorded, and what is not
//
// Add, Set and Observe never fail: what they cannot record they drop and count, by instrument and reason, in the
// registry's sluice.instrument.dropped. TryAdd, TrySet and TryObserve return the error instead, which wraps one of the Err
// values. Dropped is:
//
//   - by counters, histograms and summaries: NaN ([ErrNaN]) and infinities ([ErrInfinite]), which would spoil their sums
//     for ever. Gauges take them from Set, but do not add them.
//   - by counters: what is negative ([ErrNegative]).
//   - what would take a counter or gauge out of the range of its type, or an integer out of int64, which is all that OTLP
//     has ([ErrOverflow]). The value stays as it is: nothing wraps, nothing is cut off.
//   - what breaks the [Constraints] ([ErrBelowMin], [ErrAboveMax], [ErrInvalid]).
//
// The sum of a histogram or summary of integers may leave int64. It goes on as a float64; OTLP, whose sum of integers is
// an int64 in the SDK, gets the end of the range. That of floats may become infinite, as a float64 does.
//
// # Names
//
// Names are OTel's: http.server.duration with [WithUnit] "s". OTLP carries them as they are. Prometheus gets what
// github.com/prometheus/otlptranslator makes of them, and so what Sluice, or Prometheus itself, would make of the OTLP: underscores, the word of
// the unit, _total for counters, _ratio for gauges of unit 1: http_server_duration_seconds. Names that have these suffixes
// already keep them. Labels are translated likewise. Two instruments whose names are one in Prometheus cannot be in one
// registry; nor can two labels in one instrument.
//
// # Cardinality
//
// A Vec has at most [DefaultSeriesLimit] series, or those of [WithSeriesLimit]. The last is the overflow series, which takes
// everything for which there is no room. Its only label, besides the constant ones, is otel.metric.overflow=true in OTel, as
// OTel's specification says, and otel_metric_overflow="true" in Prometheus, as Sluice would translate that.
//
// # Concurrency
//
// Everything may be used by any number of goroutines. Recording takes no lock, save where a histogram or summary with
// exponential buckets meets a value outside the buckets it has: at most as often as it may have buckets, a summary in each
// of its windows. Looking up a series that was looked up before takes none either.
//
// What a scrape or an export sees of one histogram is consistent: count, sum, buckets, smallest and largest are of exactly
// the same observations, and the count is the sum of the buckets. So are count and sum of a summary, and its quantiles. A
// counter never falls. Two instruments, or two series, are read one after the other, and exemplars may belong to
// observations that another scrape sees.
//
// # Memory
//
// Counters and gauges take less than a third of a kilobyte, a histogram with Prometheus' default bounds less than one. A
// histogram with exponential buckets takes as many words as its observations' range has buckets, three times, at most
// MaxBuckets of each sign. A summary takes so many for each of its windows and two more: at a relative error of 1 %, 64 for
// each doubling, at most 40 doublings of each sign.
//
// # Buckets
//
// Exponential buckets are those of Prometheus' native histograms and OTel's exponential histograms alike; their bounds are
// exact, where Prometheus' tables are up to two units in the last place off. The resolution is halved as OTel's SDK does:
// by the range between smallest and largest, where client_golang goes by the number of buckets in use, and not by default.
package metrics
