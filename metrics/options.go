package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Option changes how an instrument is made. An option that does not fit the kind of instrument is an error.
type Option func(*settings)

// settings is what options set, and what they would be without.
type settings struct {
	unit        string
	seriesLimit int
	bounds      []float64
	exponential *ExponentialBuckets
	quantiles   []float64
	accuracy    float64
	maxAge      time.Duration
	ageWindows  int
	set         []setting
}

// setting is an option that was given, for the kinds it fits; vec is whether it fits only instruments with labels.
type setting struct {
	name string
	fits []kind
	vec  bool
}

// The defaults of options.
const (
	// DefaultSeriesLimit is OpenTelemetry's.
	DefaultSeriesLimit = 2000
	// DefaultMaxBuckets is OpenTelemetry's, and what Prometheus advises.
	DefaultMaxBuckets = 160
	// DefaultZeroThreshold is Prometheus': 2^-128.
	DefaultZeroThreshold = 0x1p-128
	// DefaultRelativeError is that of a summary's quantiles.
	DefaultRelativeError = 0.01
	// DefaultMaxAge and DefaultAgeWindows are Prometheus'.
	DefaultMaxAge     = 10 * time.Minute
	DefaultAgeWindows = 5
)

// DefaultBounds are Prometheus' bounds of histogram buckets, for durations in seconds.
func DefaultBounds() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}

// DefaultQuantiles are those a summary reports.
func DefaultQuantiles() []float64 { return []float64{0.5, 0.9, 0.99} }

// WithUnit states the unit in UCUM: "s", "By", "{request}". Prometheus names get its word as a suffix.
func WithUnit(ucum string) Option {
	return func(s *settings) { s.unit = ucum }
}

// WithSeriesLimit bounds the series of a Vec. The last of them is the overflow series, which takes all that the limit
// leaves out. Default [DefaultSeriesLimit].
func WithSeriesLimit(n int) Option {
	return func(s *settings) {
		s.seriesLimit = n
		s.set = append(s.set, setting{"WithSeriesLimit", nil, true})
	}
}

// WithBounds gives a histogram buckets up to and including each of the bounds, in increasing order, and one beyond the
// last. Default [DefaultBounds].
func WithBounds(bounds ...float64) Option {
	return func(s *settings) {
		s.bounds = append([]float64{}, bounds...)
		s.set = append(s.set, setting{"WithBounds", []kind{histogramKind}, false})
	}
}

// ExponentialBuckets is a histogram whose buckets each are Factor times as wide as the one before: a native histogram in
// Prometheus, an exponential one in OTel. The resolution is halved whenever the buckets would become too many.
type ExponentialBuckets struct {
	// Factor is the largest allowed ratio of a bucket's bounds, above 1. The ratio is the largest power 2^(2^-n), n from
	// -4 to 8, that does not exceed it: 1.1 gives 1.0905. Default 1.1.
	Factor float64
	// MaxBuckets bounds the buckets, empty ones between others included, of values above zero and of those below, each.
	// Resolution ends at a ratio of 65536, where there may be 132 of them. Default [DefaultMaxBuckets].
	MaxBuckets int
	// ZeroThreshold is the largest absolute value that counts as zero. Default [DefaultZeroThreshold]; below zero means
	// none, so that only zero is zero.
	ZeroThreshold float64
}

// WithExponentialBuckets gives a histogram exponential buckets instead of explicit bounds.
func WithExponentialBuckets(b ExponentialBuckets) Option {
	return func(s *settings) {
		s.exponential = new(b) // an option may be given to several instruments
		s.set = append(s.set, setting{"WithExponentialBuckets", []kind{histogramKind}, false})
	}
}

// WithQuantiles are those a summary reports, between 0 and 1. Default [DefaultQuantiles].
func WithQuantiles(quantiles ...float64) Option {
	return func(s *settings) {
		s.quantiles = slices.Sorted(slices.Values(quantiles))
		s.set = append(s.set, setting{"WithQuantiles", []kind{summaryKind}, false})
	}
}

// WithRelativeError bounds how far a summary's quantile may be from a true one, relative to it: from 0.0014 to 0.3.
// Default [DefaultRelativeError].
func WithRelativeError(bound float64) Option {
	return func(s *settings) {
		s.accuracy = bound
		s.set = append(s.set, setting{"WithRelativeError", []kind{summaryKind}, false})
	}
}

// WithMaxAge is how long a summary's quantiles remember an observation. Time is cut into so many windows, which are
// forgotten whole: an observation lasts for at least maxAge less one window. Defaults [DefaultMaxAge],
// [DefaultAgeWindows].
func WithMaxAge(maxAge time.Duration, windows int) Option {
	return func(s *settings) {
		s.maxAge, s.ageWindows = maxAge, windows
		s.set = append(s.set, setting{"WithMaxAge", []kind{summaryKind}, false})
	}
}

func newSettings(opts []Option) *settings {
	s := &settings{
		seriesLimit: DefaultSeriesLimit, bounds: DefaultBounds(), quantiles: DefaultQuantiles(),
		accuracy: DefaultRelativeError, maxAge: DefaultMaxAge, ageWindows: DefaultAgeWindows,
	}
	for _, option := range opts {
		option(s)
	}
	return s
}

// given reports whether the option was.
func (s *settings) given(name string) bool {
	return slices.ContainsFunc(s.set, func(o setting) bool { return o.name == name })
}

// check returns all that is wrong with the options for the kind.
func (s *settings) check(k kind, isVec bool) error {
	errs := []error{s.checkBuckets(), s.checkSummary()}
	for _, o := range s.set {
		if o.vec && !isVec {
			errs = append(errs, fmt.Errorf("%s: an instrument without labels has one series", o.name))
		}
		if o.fits != nil && !slices.Contains(o.fits, k) {
			errs = append(errs, fmt.Errorf("%s: does not fit a %s", o.name, k))
		}
	}
	if s.given("WithBounds") && s.given("WithExponentialBuckets") {
		errs = append(errs, errors.New("WithBounds, WithExponentialBuckets: only one of them"))
	}
	if s.seriesLimit < 2 {
		errs = append(errs, fmt.Errorf("WithSeriesLimit: must be at least 2, is %d", s.seriesLimit))
	}
	return errors.Join(errs...)
}

func (s *settings) checkBuckets() error {
	var errs []error
	for i, bound := range s.bounds {
		if math.IsNaN(bound) || math.IsInf(bound, 0) {
			errs = append(errs, fmt.Errorf("WithBounds: must be finite, the bucket beyond the last is implied; is %v", bound))
		}
		if i > 0 && bound <= s.bounds[i-1] {
			errs = append(errs, fmt.Errorf("WithBounds: must increase, %v follows %v", bound, s.bounds[i-1]))
		}
	}
	if e := s.exponential; e != nil {
		errs = append(errs, e.setDefaults())
	}
	return errors.Join(errs...)
}

func (b *ExponentialBuckets) setDefaults() error {
	var errs []error
	if b.Factor == 0 {
		b.Factor = 1.1
	}
	if !(b.Factor > 1) || math.IsInf(b.Factor, 0) {
		errs = append(errs, fmt.Errorf("WithExponentialBuckets: Factor: must be above 1, is %v", b.Factor))
	}
	if b.MaxBuckets == 0 {
		b.MaxBuckets = DefaultMaxBuckets
	}
	if b.MaxBuckets < 1 || b.MaxBuckets > maxBucketsLimit {
		errs = append(errs, fmt.Errorf("WithExponentialBuckets: MaxBuckets: must be from 1 to %d, is %d", maxBucketsLimit, b.MaxBuckets))
	}
	switch {
	case b.ZeroThreshold == 0:
		b.ZeroThreshold = DefaultZeroThreshold
	case b.ZeroThreshold < 0:
		b.ZeroThreshold = 0
	case math.IsNaN(b.ZeroThreshold) || math.IsInf(b.ZeroThreshold, 0):
		errs = append(errs, fmt.Errorf("WithExponentialBuckets: ZeroThreshold: must be finite, is %v", b.ZeroThreshold))
	}
	return errors.Join(errs...)
}

// maxBucketsLimit bounds the memory that MaxBuckets may ask for.
const maxBucketsLimit = 1 << 14

func (s *settings) checkSummary() error {
	var errs []error
	for i, q := range s.quantiles {
		if !(q >= 0 && q <= 1) {
			errs = append(errs, fmt.Errorf("WithQuantiles: must be from 0 to 1, is %v", q))
		}
		if i > 0 && q == s.quantiles[i-1] {
			errs = append(errs, fmt.Errorf("WithQuantiles: has %v twice", q))
		}
	}
	if !(s.accuracy >= 0.0014 && s.accuracy <= 0.3) {
		errs = append(errs, fmt.Errorf("WithRelativeError: must be from 0.0014 to 0.3, is %v", s.accuracy))
	}
	if s.ageWindows < 1 || s.ageWindows > 100 {
		errs = append(errs, fmt.Errorf("WithMaxAge: must have from 1 to 100 windows, has %d", s.ageWindows))
	} else if s.maxAge < time.Duration(s.ageWindows)*time.Millisecond {
		errs = append(errs, fmt.Errorf("WithMaxAge: a window must last a millisecond, %v has %d", s.maxAge, s.ageWindows))
	}
	return errors.Join(errs...)
}
