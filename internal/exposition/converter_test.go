package exposition

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote/otlptranslator/prometheusremotewrite"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The oracle is Prometheus' own OTLP converter. It differs from the specification, or from what a page can say, in these
// points, which the fleet does not draw:
//   - attributes that meet job, instance, constant or scope labels are overwritten, not joined; those whose names
//     are not valid are errors, `__name__` is dropped, `le` and `quantile` overwritten;
//   - of colliding attributes, an empty one leaves a ";", and in UTF-8 strategies label names keep their colons;
//   - a scope without name has no labels; colliding attributes of scopes and promoted ones of resources are not joined;
//   - target_info needs a job or an instance, has the namespace before its name, and stands beside older ones of its target;
//   - a service.namespace that is empty or without a name makes another job;
//   - a histogram without sum has no _sum, an exponential one without is taken, and zero thresholds are not read;
//   - buckets of a scale above 8 are merged wrongly where there are empty ones between;
//   - the type that metadata tells changes no name; metrics whose types meet are all taken;
//   - start times of gauges are kept; a page has them for other types only, and not in text.

// samples are by their labels, as text.
type samples map[string]sample

type sample struct {
	labels labels.Labels
	value  float64
	native *histogram.Histogram
}

// settingsOf are the converter's for a store's options.
func settingsOf(o Options) prometheusremotewrite.Settings {
	return prometheusremotewrite.Settings{
		Namespace: o.Namespace, ExternalLabels: o.ConstLabels, DisableTargetInfo: o.WithoutTargetInfo,
		AddMetricSuffixes: o.Strategy.ShouldAddSuffixes(), AllowUTF8: !o.Strategy.ShouldEscape(),
		PromoteResourceAttributes: prometheusremotewrite.NewPromoteResourceAttributes(config.OTLPConfig{PromoteResourceAttributes: promoted(o)}),
		PromoteScopeMetadata:      !o.WithoutScopeInfo,
	}
}

func promoted(o Options) []string {
	if o.ResourceLabels == nil {
		return nil
	}
	return []string{"host.name"}
}

func converted(t tester, md pmetric.Metrics, o Options) samples {
	t.Helper()
	out := captured{samples: samples{}}
	_, err := prometheusremotewrite.NewPrometheusConverter(out).FromMetrics(context.Background(), md, settingsOf(o))
	require.NoError(t, err)
	return out.samples
}

// captured is an appender that keeps the last sample of each series.
type captured struct {
	storage.AppenderV2
	samples samples
}

func (c captured) Append(
	_ storage.SeriesRef, ls labels.Labels, _, _ int64, v float64, h *histogram.Histogram, _ *histogram.FloatHistogram, _ storage.AOptions,
) (storage.SeriesRef, error) {
	c.samples.put(ls.Copy(), v, h)
	return 0, nil
}

func (s samples) put(ls labels.Labels, v float64, h *histogram.Histogram) {
	b := labels.NewBuilder(ls)
	for _, name := range []string{"le", "quantile"} {
		if f, err := strconv.ParseFloat(ls.Get(name), 64); err == nil {
			b.Set(name, strconv.FormatFloat(f, 'g', -1, 64))
		}
	}
	ls = b.Labels()
	s[ls.String()] = sample{ls, v, h}
}

// classicLike turns native histograms into the samples that a page without them has, which finds shows the bounds of.
func (s samples) classicLike(found samples) samples {
	out := samples{}
	for key, smp := range s {
		if smp.native == nil {
			out[key] = smp
			continue
		}
		name := smp.labels.Get("__name__")
		put := func(suffix, le string, v float64) {
			b := labels.NewBuilder(smp.labels).Set("__name__", name+suffix)
			if le != "" {
				b.Set("le", le)
			}
			out.put(b.Labels(), v, nil)
		}
		put("_sum", "", smp.native.Sum)
		put("_count", "", float64(smp.native.Count))
		put("_bucket", "+Inf", float64(smp.native.Count))
		for _, le := range found.boundsOf(smp.labels) {
			bound, _ := strconv.ParseFloat(le, 64)
			put("_bucket", le, upTo(smp.native, bound))
		}
	}
	return out
}

// boundsOf are the bounds that the buckets of a histogram have.
func (s samples) boundsOf(ls labels.Labels) []string {
	var bounds []string
	for _, smp := range s {
		b := labels.NewBuilder(smp.labels).Del("le").Set("__name__", strings.TrimSuffix(smp.labels.Get("__name__"), "_bucket"))
		if labels.Equal(b.Labels(), ls) && strings.HasSuffix(smp.labels.Get("__name__"), "_bucket") {
			bounds = append(bounds, smp.labels.Get("le"))
		}
	}
	return bounds
}

// upTo counts the observations in buckets that end at or below a bound, a power of two, and NaN if it cuts a bucket.
func upTo(h *histogram.Histogram, bound float64) float64 {
	total := 0.0
	for it := h.ToFloat(nil).AllBucketIterator(); it.Next(); {
		switch b := it.At(); {
		case b.Count == 0 || nearly(b.Lower, bound) || b.Lower > bound:
		case b.Upper < bound || nearly(b.Upper, bound):
			total += b.Count
		default:
			return math.NaN()
		}
	}
	return total
}

// nearly allows for the last bits of bounds that are computed in different ways.
func nearly(a, b float64) bool {
	return a == b || !math.IsInf(b, 0) && math.Abs(a-b) <= 1e-12*math.Abs(b)
}

// comparable texts, so that NaNs are equal and zeros are not.
func (s samples) printed() map[string]string {
	out := make(map[string]string, len(s))
	for key, smp := range s {
		if smp.native != nil {
			out[key] = printedNative(smp.native)
			continue
		}
		out[key] = strconv.FormatFloat(smp.value, 'g', -1, 64)
	}
	return out
}

func printedNative(h *histogram.Histogram) string {
	h = h.Copy()
	h.CounterResetHint = histogram.UnknownCounterReset
	return strconv.Itoa(int(h.Schema)) + " " + strconv.FormatFloat(h.ZeroThreshold, 'g', -1, 64) + " " + h.Compact(0).String()
}
