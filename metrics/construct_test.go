package metrics

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type (
	empty    struct{}
	noString struct {
		Code int `label:"code"`
	}
	untagged struct{ Code string }
	unnamed  struct {
		Code string `label:""`
	}
	hidden struct {
		code string `label:"code"`
	}
	twice struct {
		A string `label:"a.b"`
		B string `label:"a_b"`
	}
	bucketed struct {
		LE string `label:"le"`
	}
	quantiled struct {
		Q string `label:"quantile"`
	}
	reserved struct {
		Name string `label:"__name__"`
	}
	overflowed struct {
		O string `label:"otel.metric.overflow"`
	}
	named string
	fancy struct {
		Method named `label:"http.request.method"`
	}
)

func vecError[L comparable](labels Labels) error {
	_, err := NewHistogramVec[float64, L]("v", "h", labels, Constraints[float64]{})
	return err
}

func TestWrongLabels(t *testing.T) {
	_ = hidden{}.code
	for want, err := range map[string]error{
		`labels string: not a struct`: vecError[string](nil),
		`labels metrics.empty: has no fields; an instrument without labels needs no Vec`: vecError[empty](nil),
		`labels metrics.noString: field Code: is int, not a string`:                      vecError[noString](nil),
		`labels metrics.untagged: field Code: has no tag ` + "`label:\"NAME\"`":          vecError[untagged](nil),
		`labels metrics.unnamed: field Code: its tag names no label`:                     vecError[unnamed](nil),
		`labels metrics.hidden: field code: is not exported`:                             vecError[hidden](nil),
		`labels "a.b" and "a_b" are both "a_b" in Prometheus`:                            vecError[twice](nil),
		`label "le": Prometheus uses it for a histogram`:                                 vecError[bucketed](nil),
		`label "__name__": names that begin with __ are Prometheus' own`:                 vecError[reserved](nil),
		`label "otel.metric.overflow": marks the overflow series`:                        vecError[overflowed](nil),
		`labels "method" and "method" are both "method" in Prometheus`:                   vecError[route](Labels{"method": "GET"}),
		`label ""`:  vecError[route](Labels{"": "x"}),
		`not UTF-8`: vecError[route](Labels{"\xff": "x"}),
	} {
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `histogram "v": `)
	}
	_, err := NewSummaryVec[float64, quantiled]("v", "h", nil, Constraints[float64]{})
	require.ErrorContains(t, err, `label "quantile": Prometheus uses it for a summary`)
	require.NoError(t, vecError[fancy](Labels{"quantile": "fits a histogram"}))
}

func TestWrongArguments(t *testing.T) {
	_, err := NewCounter("1st\n", "h\xff", Labels{"__x__": ""}, Constraints[int64]{Min: new(int64(5)), Max: new(int64(4))},
		WithUnit("a b"), WithBounds(1), WithMaxAge(0, 0), WithSeriesLimit(1))
	for _, want := range []string{
		"name: must be a letter and at most 254", "help: not UTF-8", `unit "a b"`, `label "__x__"`, "constraints: min: must not be above max",
		"WithBounds: does not fit a counter", "WithMaxAge: does not fit a counter", "WithMaxAge: must have from 1 to 100 windows",
		"WithSeriesLimit: must be at least 2, is 1", "WithSeriesLimit: an instrument without labels has one series",
	} {
		require.ErrorContains(t, err, want)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 10, err)
}

func TestWrongOptions(t *testing.T) {
	histogram := func(opts ...Option) error {
		_, err := NewHistogram("h", "h", nil, Constraints[float64]{}, opts...)
		return err
	}
	summary := func(opts ...Option) error {
		_, err := NewSummary("s", "h", nil, Constraints[float64]{}, opts...)
		return err
	}
	exponential := func(b ExponentialBuckets) error { return histogram(WithExponentialBuckets(b)) }
	for _, tt := range []struct {
		err  error
		want string
	}{
		{histogram(WithBounds(1, 1)), "WithBounds: must increase, 1 follows 1"},
		{histogram(WithBounds(math.NaN())), "WithBounds: must be finite"},
		{histogram(WithBounds(1, math.Inf(1))), "WithBounds: must be finite"},
		{histogram(WithBounds(1), WithExponentialBuckets(ExponentialBuckets{})), "only one of them"},
		{histogram(WithQuantiles(0.5)), "WithQuantiles: does not fit a histogram"},
		{exponential(ExponentialBuckets{Factor: 1}), "Factor: must be above 1, is 1"},
		{exponential(ExponentialBuckets{Factor: math.NaN()}), "Factor: must be above 1"},
		{exponential(ExponentialBuckets{MaxBuckets: -1}), "MaxBuckets: must be from 1 to 16384, is -1"},
		{exponential(ExponentialBuckets{ZeroThreshold: math.Inf(1)}), "ZeroThreshold: must be finite"},
		{summary(WithQuantiles(1.5)), "WithQuantiles: must be from 0 to 1, is 1.5"},
		{summary(WithQuantiles(math.NaN())), "WithQuantiles: must be from 0 to 1"},
		{summary(WithQuantiles(0.5, 0.5)), "WithQuantiles: has 0.5 twice"},
		{summary(WithRelativeError(0)), "WithRelativeError: must be from 0.0014 to 0.3, is 0"},
		{summary(WithMaxAge(time.Nanosecond, 5)), "WithMaxAge: a window must last a millisecond"},
	} {
		require.ErrorContains(t, tt.err, tt.want)
	}
}

// An option may be given to several instruments.
func TestOptionsAreNotUsedUp(t *testing.T) {
	option := WithExponentialBuckets(ExponentialBuckets{ZeroThreshold: -1})
	for range 2 {
		h := Must(NewHistogram("h", "h", nil, Constraints[float64]{}, option))
		assert.Zero(t, h.recorder.plan.zero)
		assert.Equal(t, DefaultMaxBuckets, h.recorder.plan.limit)
	}
}

func TestMustPanics(t *testing.T) {
	assert.Panics(t, func() { Must(NewCounter[int64]("", "h", nil, Constraints[int64]{})) })
}
