package scrape

import (
	"math"

	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/sluice-metrics/sluice/internal/promotlp"
)

// The labels by which relabelling may overrule a job for a target. Source: scrape/target.go of prometheus/prometheus.
const (
	labelNative  = "__scrape_native_histograms__"
	labelClassic = "__always_scrape_classic_histograms__"
	labelNHCB    = "__convert_classic_histograms_to_nhcb__"
)

// options are what a job says about the samples of a target.
func (s *Settings) options(cfg *promconfig.ScrapeConfig, t *target, external labels.Labels) promotlp.Options {
	return promotlp.Options{
		HonorLabels:              cfg.HonorLabels,
		HonorTimestamps:          cfg.HonorTimestamps,
		TrackTimestampsStaleness: cfg.TrackTimestampsStaleness,
		MetricRelabel:            cfg.MetricRelabelConfigs,
		External:                 external,
		Validation:               cfg.MetricNameValidationScheme,
		SampleLimit:              int(cfg.SampleLimit),
		LabelLimit:               int(cfg.LabelLimit),
		LabelNameLengthLimit:     int(cfg.LabelNameLengthLimit),
		LabelValueLengthLimit:    int(cfg.LabelValueLengthLimit),
		BucketLimit:              int(cfg.NativeHistogramBucketLimit),
		MaxSchema:                schemaFor(cfg.NativeHistogramMinBucketFactor),
		NativeHistograms:         t.flag(labelNative, cfg.ScrapeNativeHistogramsEnabled()),
		KeepClassic:              t.flag(labelClassic, cfg.AlwaysScrapeClassicHistogramsEnabled()),
		ConvertToNHCB:            t.flag(labelNHCB, cfg.ConvertClassicHistogramsToNHCBEnabled()),
		Fallback:                 cfg.ScrapeFallbackProtocol.HeaderMediaType(),
		Strict:                   s.Strict,
		TrimSuffixes:             s.TrimSuffixes,
		ExtraReport:              cfg.ExtraScrapeMetricsEnabled(),
		Timeout:                  t.timeout,
	}
}

// schemaFor returns the finest schema whose buckets grow by the factor at least. Source: scrape.pickSchema of
// prometheus/prometheus.
func schemaFor(factor float64) int32 {
	if factor <= 1 {
		return histogram.ExponentialSchemaMax
	}
	floor := math.Floor(-math.Log2(math.Log2(factor)))
	return int32(min(max(floor, float64(histogram.ExponentialSchemaMin)), float64(histogram.ExponentialSchemaMax)))
}
