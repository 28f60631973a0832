package scrape_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/model/value"
)

// sample is what one scrape says about one series, on either side.
type sample struct {
	labels labels.Labels
	// family is empty for a staleness marker of Prometheus, and has reportMark behind it in a report.
	family string
	meta   metadata.Metadata
	// start and at are in milliseconds. at is atScrape for the time of the scrape.
	start, at int64
	value     float64
	native    *histogram.Histogram
	float     *histogram.FloatHistogram
	exemplars []exemplar.Exemplar
	// refused says that it is a marker that Prometheus' head does not take.
	refused bool
}

// atScrape is an instant that no page has.
const atScrape = math.MinInt64 + 1

// reportMark is behind the names of the series that Prometheus itself adds to a scrape.
const reportMark = "\xff"

// batch is what came of one scrape.
type batch struct {
	// time is that of the scrape, in milliseconds.
	time int64
	// target has the labels of the target.
	target  labels.Labels
	samples []sample
}

func (s sample) stale() bool {
	return s.native == nil && value.IsStaleNaN(s.value)
}

// target are the labels of the target that a report is about.
func (s sample) target() labels.Labels {
	return labels.NewBuilder(s.labels).Del(model.MetricNameLabel).Labels()
}

func (s sample) name() string     { return s.labels.Get(model.MetricNameLabel) }
func (s sample) series() string   { return s.labels.String() }
func (s sample) isReport() bool   { return strings.HasSuffix(s.family, reportMark) }
func (s sample) isMarker() bool   { return s.family == "" && s.stale() }
func (s sample) isDuration() bool { return s.name() == "scrape_duration_seconds" }

// key is what two samples of a scrape must not share.
func (s sample) key() string { return s.instant(s.series()) }

// instant is a series at the time of the sample.
func (s sample) instant(series string) string {
	if s.at == atScrape {
		return series
	}
	return series + " @" + strconv.FormatInt(s.at, 10)
}

// normalized makes texts equal that mean the same: the pages write 1, 1.0 and 1e0, Prometheus 1.0, its converter 1.
func normalized(ls labels.Labels) labels.Labels {
	b := labels.NewBuilder(ls)
	for _, name := range []string{"le", "quantile"} {
		if f, err := strconv.ParseFloat(ls.Get(name), 64); err == nil {
			b.Set(name, strconv.FormatFloat(f, 'g', -1, 64))
		}
	}
	return b.Labels()
}

// finished brings a sample into the form in which both sides are equal. A native histogram's marker is a float in
// Prometheus' loop and a histogram in its converter.
func finished(s sample, scraped int64) sample {
	s.labels = normalized(s.labels)
	if s.at == scraped {
		s.at = atScrape
	}
	for i := range s.exemplars {
		if s.exemplars[i].Ts == scraped {
			s.exemplars[i].Ts, s.exemplars[i].HasTs = 0, false
		}
	}
	if s.native != nil && value.IsStaleNaN(s.native.Sum) {
		s.native, s.value = nil, math.Float64frombits(value.StaleNaN)
	}
	return s
}

// String is all of a sample that both sides must have the same.
func (s sample) String() string {
	var b strings.Builder
	b.WriteString(s.key() + " ")
	switch {
	case s.float != nil:
		b.WriteString("float " + s.float.String())
	case s.native != nil:
		b.WriteString(printed(s.native))
	case s.isDuration() && !s.stale():
		b.WriteString("some time")
	default:
		b.WriteString(printedFloat(s.value))
	}
	if s.start != 0 {
		fmt.Fprintf(&b, " since %d", s.start)
	}
	for _, e := range s.exemplars {
		fmt.Fprintf(&b, " # %s %s %d", e.Labels, printedFloat(e.Value), e.Ts)
	}
	return b.String()
}

func printedFloat(v float64) string {
	switch {
	case value.IsStaleNaN(v):
		return "stale"
	case math.IsNaN(v):
		return strconv.FormatUint(math.Float64bits(v), 16)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// printed leaves out the hint, which is about the sample before, and empty buckets.
func printed(h *histogram.Histogram) string {
	h = h.Copy()
	h.CounterResetHint = histogram.UnknownCounterReset
	return fmt.Sprintf("schema %d, zero threshold %g, bounds %v, %s", h.Schema, h.ZeroThreshold, h.CustomValues, h.Compact(0))
}
