package promotlp

import (
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// Options are what the configuration of a job says about the samples of its targets. Limits of 0 are none.
type Options struct {
	HonorLabels, HonorTimestamps, TrackTimestampsStaleness bool

	MetricRelabel []*relabel.Config
	// External are labels that every series gets, whatever it has of these names.
	External labels.Labels

	Validation model.ValidationScheme

	SampleLimit, LabelLimit, LabelNameLengthLimit, LabelValueLengthLimit int
	// BucketLimit and MaxSchema bound native histograms.
	BucketLimit int
	MaxSchema   int32

	// NativeHistograms reads native histograms, KeepClassic also the classic ones beside them, ConvertToNHCB makes native
	// ones of custom buckets from classic ones.
	NativeHistograms, KeepClassic, ConvertToNHCB bool

	// Fallback is the media type of pages that do not tell theirs.
	Fallback string
	// Strict refuses OpenMetrics that does not keep all rules of the standard.
	Strict bool

	// TrimSuffixes takes type and unit off the names of metrics.
	TrimSuffixes bool

	// ExtraReport adds scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes to the report.
	ExtraReport bool
	Timeout     time.Duration
}

// Target is where the pages come from.
type Target struct {
	// Labels are those that its series get.
	Labels labels.Labels
	URL    *url.URL
	// Discovered are its labels before relabelling.
	Discovered labels.Labels
	// Scope and Version are the instrumentation scope of series that name none.
	Scope, Version string
}
