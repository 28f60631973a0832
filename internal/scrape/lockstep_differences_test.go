package scrape_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/stretchr/testify/require"
)

// difference is why a sample of Sluice is not the one of Prometheus. These are all there are.
type difference string

const (
	gaugeHistogramDropped difference = "gauge histograms are dropped: OTLP has none (specification: MUST)"
	floatHistogramDropped difference = "native histograms of floats are dropped: OTLP has none (specification: MUST)"
	withoutCountDropped   difference = "histograms and summaries without _count are dropped (specification: MUST)"
	badCountsDropped      difference = "histograms and summaries are dropped whose counts are none: NaN, negative or infinite"
	partsCompleted        difference = "a histogram of OTLP has a bucket +Inf, a summary a sum"
	countRepaired         difference = "bucket counts of OTLP are whole, and those of Prometheus never sink"
	targetInfoConsumed    difference = "target_info is attributes of the resource, which have no value and no end"
	partGone              difference = "a bucket or quantile that alone vanishes has no marker of its own: OTLP marks a whole point, also when the rest goes on as another type"
	marksOfFailures       difference = "Prometheus leaves out, or delays, markers of series that came before the error of a failed page"
	before1970Dropped     difference = "samples of times before 1970 are dropped, and make no series: OTLP has no such times"
	exemplarsDropped      difference = "gauges and summaries have no exemplars in OTLP"
	createdConsumed       difference = "_created is the start of its series, not a series: Prometheus can do that too, for OpenMetrics"
	pastPartsMarked       difference = "a histogram that comes back with fewer buckets ends with markers of all it ever had"
	reportStays           difference = "a series of a page that is named like a report ends with a marker beside the report, which is nonsense"
	noOriginOfItsOwn      difference = "a series without job or instance has those of its target: service.name must be there"
	lastTypeCounts        difference = "a metric has one type: the last of the page"
	olderMarker           difference = "Prometheus' head refuses markers that are older than the series"
	oneOfBoth             difference = "a classic histogram and the native one made of it are one in OTLP"
	twiceTheSame          difference = "of samples that become one series, the first counts: Prometheus' head does the same on commit"
)

var differences = []difference{
	gaugeHistogramDropped, floatHistogramDropped, withoutCountDropped, badCountsDropped, partsCompleted,
	countRepaired, targetInfoConsumed, partGone, marksOfFailures, exemplarsDropped, before1970Dropped,
	createdConsumed, pastPartsMarked, reportStays, noOriginOfItsOwn, lastTypeCounts,
	olderMarker, oneOfBoth, twiceTheSame,
}

// TestEveryDifferenceIsShown holds the table against the cases.
func TestEveryDifferenceIsShown(t *testing.T) {
	shown := map[difference]bool{}
	for _, cases := range []map[string]lockstep{pageScripts, optionScripts, protobufScripts} {
		for _, l := range cases {
			for _, d := range l.differs {
				shown[d] = true
			}
		}
	}
	require.Equal(t, lines(slices.Values(differences)), lines(maps.Keys(shown)))
}

// explainer turns what Prometheus says, scrape by scrape of one target, into what Sluice has to say, and notes the
// differences that it found on the way. All else must be equal.
type explainer struct {
	// target has the labels of the target.
	target labels.Labels
	// tracksTimestamps is track_timestamps_staleness.
	tracksTimestamps bool
	found            map[difference]bool

	// live are the series that need a marker when they vanish.
	live map[string]sample
	// dropped are series that Sluice never has.
	dropped map[string]difference
	// families are the types of what has been there.
	families map[string]model.MetricType
	// twoTypes are families that had two types on one page.
	twoTypes map[string]bool
	// past are parts that were marked, infos what target_info said last.
	past  map[string]bool
	infos []sample
	// whole leads from a part of a histogram or summary to its count.
	whole map[string]string
}

func newExplainer(target labels.Labels, tracksTimestamps bool) *explainer {
	return &explainer{
		target: target, tracksTimestamps: tracksTimestamps, found: map[difference]bool{},
		live: map[string]sample{}, dropped: map[string]difference{}, families: map[string]model.MetricType{},
		twoTypes: map[string]bool{}, past: map[string]bool{}, whole: map[string]string{},
	}
}

// expected is one scrape as Sluice has to tell it.
func (e *explainer) expected(b batch) []sample {
	var values, marks []sample
	for _, s := range e.origins(b.samples) {
		if s.isMarker() {
			marks = append(marks, s)
		} else {
			values = append(values, s)
		}
	}
	values = e.firsts(values)
	first := slices.IndexFunc(values, sample.isReport)
	values, reports := values[:first:first], values[first:]
	marks = e.withoutReports(marks, reports)
	e.learn(values)
	values = e.wholes(e.representable(values))
	marks = e.marks(marks, values, failed(reports))
	e.remember(values, marks)
	if failed(reports) {
		values = e.infos // the batch is about the resource that was there
	} else {
		e.infos = slices.DeleteFunc(slices.Clone(values), func(s sample) bool { return s.name() != "target_info" })
	}
	return append(append(values, marks...), reports...)
}

// withoutReports leaves out the markers of the page's own series that have names of reports.
func (e *explainer) withoutReports(marks, reports []sample) []sample {
	return slices.DeleteFunc(marks, func(m sample) bool {
		if indexOf(reports, m.series()) < 0 {
			return false
		}
		e.found[reportStays] = true
		delete(e.live, m.series())
		return true
	})
}

func failed(samples []sample) bool {
	for _, s := range slices.Backward(samples) {
		if s.name() == "up" {
			return s.value == 0
		}
	}
	return false
}

// origins completes what tells resources apart.
func (e *explainer) origins(samples []sample) []sample {
	out := slices.Clone(samples)
	for i, s := range out {
		for _, name := range []string{model.JobLabel, model.InstanceLabel} {
			if s.labels.Get(name) == "" {
				e.found[noOriginOfItsOwn] = true
				out[i].labels = labels.NewBuilder(out[i].labels).Set(name, e.target.Get(name)).Labels()
			}
		}
	}
	return out
}

// learn reads the types. Prometheus tells no more types of a family after a series that it does not count among it.
func (e *explainer) learn(samples []sample) {
	told := map[string]model.MetricType{}
	for _, s := range samples {
		if s.family != "" {
			e.families[s.family], told[s.family] = s.meta.Type, s.meta.Type
		}
	}
	for i := range samples {
		s := &samples[i]
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			of := *s
			of.family = strings.TrimSuffix(s.name(), suffix)
			of.meta.Type = told[of.family]
			if s.family == "" && isPart(of) {
				*s = of
			}
		}
	}
	for i, s := range samples {
		if s.family != "" && s.meta.Type != e.families[s.family] {
			e.found[lastTypeCounts] = true
			e.twoTypes[s.family] = true
			samples[i].meta.Type = e.families[s.family]
		}
		if isStray(samples[i]) {
			samples[i].start = 0
		}
		if isStray(samples[i]) || e.twoTypes[s.family] && !isPart(samples[i]) {
			samples[i].meta.Type = ""
		}
	}
}

// firsts keeps the first sample of each series at each instant.
func (e *explainer) firsts(samples []sample) []sample {
	seen := map[string]bool{}
	kept := samples[:0]
	for _, s := range samples {
		if seen[s.key()] {
			e.found[twiceTheSame] = true
			continue
		}
		seen[s.key()] = true
		kept = append(kept, s)
	}
	return kept
}

// representable leaves out what OTLP cannot say.
func (e *explainer) representable(samples []sample) []sample {
	kept := samples[:0]
	for _, s := range samples {
		if why := e.unrepresentable(s); why != "" {
			e.found[why] = true
			e.dropped[s.series()] = why
			continue
		}
		delete(e.dropped, s.series())
		if len(s.exemplars) > 0 && !hasExemplars(s) {
			e.found[exemplarsDropped] = true
			s.exemplars = nil
		}
		if s.name() == "target_info" {
			e.found[targetInfoConsumed] = true
			s.value, s.at, s.start = 1, atScrape, 0
		}
		kept = append(kept, s)
	}
	return kept
}

func (e *explainer) unrepresentable(s sample) difference {
	switch {
	case s.at < 0 && s.at != atScrape:
		return before1970Dropped
	case e.isCreated(s):
		return createdConsumed
	case s.meta.Type == model.MetricTypeGaugeHistogram, e.isUntoldPart(s), s.native != nil && s.native.CounterResetHint == histogram.GaugeType:
		return gaugeHistogramDropped
	case s.float != nil:
		return floatHistogramDropped
	}
	return ""
}

// isUntoldPart tells classic gauge histograms of protobuf, of which Prometheus does not tell the type.
func (e *explainer) isUntoldPart(s sample) bool {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		family, ok := strings.CutSuffix(s.name(), suffix)
		if ok && s.family == "" && e.families[family] == model.MetricTypeGaugeHistogram {
			return true
		}
	}
	return false
}

func (e *explainer) isCreated(s sample) bool {
	family, ok := strings.CutSuffix(s.name(), "_created")
	if !ok || s.family != "" {
		return false
	}
	switch e.families[family] {
	case model.MetricTypeCounter, model.MetricTypeHistogram, model.MetricTypeSummary, model.MetricTypeGaugeHistogram:
		return true
	default:
		return false
	}
}

func hasExemplars(s sample) bool {
	switch s.meta.Type {
	case model.MetricTypeCounter, model.MetricTypeInfo, model.MetricTypeStateset:
		return true
	case model.MetricTypeHistogram:
		return s.native != nil || strings.HasSuffix(s.name(), "_bucket")
	default:
		return false
	}
}

// part tells whether a sample is one of several of a point, and names the count of the point.
func part(s sample) (count string, ok bool) {
	suffix := strings.TrimPrefix(s.name(), s.family)
	number := numberLabel(s.meta.Type, suffix)
	switch {
	case s.native != nil || s.meta.Type != model.MetricTypeHistogram && s.meta.Type != model.MetricTypeSummary:
		return "", false
	case number != "":
		if v, err := strconv.ParseFloat(s.labels.Get(number), 64); err != nil || math.IsNaN(v) {
			return "", false
		}
	case suffix != "_count" && suffix != "_sum":
		return "", false
	}
	return labels.NewBuilder(s.labels).Set(model.MetricNameLabel, s.family+"_count").Del(number).Labels().String(), true
}

func isPart(s sample) bool {
	_, ok := part(s)
	return ok
}

// isStray tells samples that have the type of a histogram or summary and are no part of one.
func isStray(s sample) bool {
	return !isPart(s) && s.native == nil && (s.meta.Type == model.MetricTypeHistogram || s.meta.Type == model.MetricTypeSummary)
}

func numberLabel(typ model.MetricType, suffix string) string {
	switch {
	case typ == model.MetricTypeHistogram && suffix == "_bucket":
		return "le"
	case typ == model.MetricTypeSummary && suffix == "":
		return "quantile"
	}
	return ""
}

// wholes makes points of parts.
func (e *explainer) wholes(samples []sample) (kept []sample) {
	points, order := map[string][]sample{}, []string(nil)
	for _, s := range samples {
		count, ok := part(s)
		if !ok {
			delete(e.whole, s.series())
			kept = append(kept, s)
			continue
		}
		e.whole[s.series()] = count
		point := s.instant(count)
		if points[point] == nil {
			order = append(order, point)
		}
		points[point] = append(points[point], s)
	}
	kept = slices.DeleteFunc(kept, func(s sample) bool { return e.isOneOfBoth(s, points) })
	for _, point := range order {
		kept = append(kept, e.pointOf(points[point])...)
	}
	return kept
}

// pointOf makes a point of its parts, or nothing if they cannot be one.
func (e *explainer) pointOf(parts []sample) []sample {
	at := indexOf(parts, e.whole[parts[0].series()])
	switch {
	case at < 0:
		e.drop(parts, withoutCountDropped)
		return nil
	case slices.ContainsFunc(parts, isBadCount):
		e.drop(parts, badCountsDropped)
		return nil
	}
	return e.repaired(e.completed(parts, parts[at]))
}

func (e *explainer) drop(parts []sample, why difference) {
	e.found[why] = true
	for _, s := range parts {
		e.dropped[s.series()] = why
	}
}

func isBadCount(s sample) bool {
	if s.name() == s.family || s.name() == s.family+"_sum" || rank(s) == infinite {
		return false
	}
	return !(s.value >= 0 && s.value < 1<<63)
}

// isOneOfBoth tells native histograms of custom buckets that are there as classic ones too.
func (e *explainer) isOneOfBoth(s sample, points map[string][]sample) bool {
	if s.native == nil || !s.native.UsesCustomBuckets() {
		return false
	}
	count := labels.NewBuilder(s.labels).Set(model.MetricNameLabel, s.name()+"_count").Labels().String()
	if points[s.instant(count)] == nil {
		return false
	}
	e.found[oneOfBoth] = true
	e.dropped[s.series()] = oneOfBoth
	return true
}

func indexOf(samples []sample, series string) int {
	for i, s := range samples {
		if s.series() == series {
			return i
		}
	}
	return -1
}

// completed is a histogram or a summary as OTLP has it.
func (e *explainer) completed(parts []sample, count sample) []sample {
	missing := labels.NewBuilder(count.labels)
	v := count.value
	if count.meta.Type == model.MetricTypeHistogram {
		missing.Set(model.MetricNameLabel, count.family+"_bucket").Set("le", "+Inf")
	} else {
		missing.Set(model.MetricNameLabel, count.family+"_sum")
		v = 0
	}
	added := count
	added.labels, added.value, added.exemplars = missing.Labels(), v, nil
	if indexOf(parts, added.series()) < 0 {
		e.found[partsCompleted] = true
		e.whole[added.series()] = count.series()
		parts = append(parts, added)
	}
	return parts
}

// repaired makes the buckets of a histogram counts that do not sink. Buckets that cannot be counts make it vanish.
func (e *explainer) repaired(parts []sample) []sample {
	if parts[0].meta.Type != model.MetricTypeHistogram {
		return parts
	}
	slices.SortStableFunc(parts, func(a, b sample) int { return cmp.Compare(rank(a), rank(b)) })
	last := 0.0
	for i := range parts {
		s := &parts[i]
		if math.IsInf(rank(*s), -1) {
			continue
		}
		v := s.value
		if rank(*s) >= infinite {
			v = parts[len(parts)-1].value
		}
		last = max(last, math.RoundToEven(v))
		if s.value != last {
			e.found[countRepaired] = true
		}
		s.value = last
	}
	return parts
}

const infinite = math.MaxFloat64

// rank orders the parts of a histogram: the sum, the buckets, the one without bound, the count.
func rank(s sample) float64 {
	switch s.name() {
	case s.family + "_sum":
		return math.Inf(-1)
	case s.family + "_count":
		return math.Inf(1)
	}
	bound, _ := strconv.ParseFloat(s.labels.Get("le"), 64)
	return min(bound, infinite)
}

// marks are the staleness markers of a scrape that says values.
func (e *explainer) marks(said, values []sample, failed bool) []sample {
	want := map[string]sample{}
	present := map[string]bool{}
	for _, s := range values {
		present[s.series()] = true
	}
	for _, m := range said {
		e.mark(want, m, present)
	}
	for series, s := range e.live {
		if _, ok := want[series]; ok || present[series] && !failed {
			continue
		}
		switch {
		case failed:
			e.found[marksOfFailures] = true
		case e.dropped[series] != "", e.wholeGone(series, want):
		default:
			continue
		}
		want[series] = markerOf(s)
	}
	marks := make([]sample, 0, len(want))
	for _, m := range want {
		marks = append(marks, m)
	}
	return marks
}

// wholeGone tells that a part goes because the whole does.
func (e *explainer) wholeGone(series string, want map[string]sample) bool {
	_, ok := want[e.whole[series]]
	return ok
}

// mark takes over a marker that Prometheus says, unless there is a reason not to.
func (e *explainer) mark(want map[string]sample, m sample, present map[string]bool) {
	series := m.series()
	if m.refused {
		e.found[olderMarker] = true
	}
	was, ok := e.live[series]
	if !ok {
		e.found[cmp.Or(e.dropped[series], marksOfFailures)] = true
		return
	}
	if count, ok := e.whole[series]; ok && count != series && present[count] {
		e.found[partGone] = true
		if e.families[was.family] != was.meta.Type {
			delete(e.live, series) // the point that goes on knows nothing of it
		}
		return
	}
	want[series] = m
}

// comparable leaves the count of new series out once there were times before 1970, which make series for Prometheus.
func (e *explainer) comparable(samples []sample) []sample {
	if !e.found[before1970Dropped] {
		return samples
	}
	return slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.name() == "scrape_series_added" })
}

// withoutPast leaves markers out that a whole gives to parts it has lost before.
func (e *explainer) withoutPast(want, ours []sample) []sample {
	wanted := map[string]bool{}
	for _, s := range want {
		wanted[s.series()] = true
	}
	return slices.DeleteFunc(slices.Clone(ours), func(s sample) bool {
		series := s.series()
		if !s.stale() || !e.past[series] || wanted[series] || !wanted[e.whole[series]] {
			return false
		}
		e.found[pastPartsMarked] = true
		return true
	})
}

func markerOf(s sample) sample {
	return sample{labels: s.labels, at: atScrape, value: math.Float64frombits(value.StaleNaN)}
}

// remember is what the next scrape is compared with.
func (e *explainer) remember(values, marks []sample) {
	for _, m := range marks {
		delete(e.live, m.series())
		e.past[m.series()] = e.whole[m.series()] != ""
	}
	for _, s := range values {
		if s.name() == "target_info" {
			e.dropped[s.series()] = targetInfoConsumed
			continue
		}
		if s.at == atScrape || e.tracksTimestamps {
			e.live[s.series()] = s
		}
	}
}
