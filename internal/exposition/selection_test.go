package exposition

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func selection(t *testing.T, matches ...string) *Selection {
	t.Helper()
	s, err := ParseSelection(nil, matches)
	require.NoError(t, err)
	return s
}

var histogramSamples = []string{"h", "h_bucket", "h_sum", "h_count"}

func TestSelectionOfNothingIsNil(t *testing.T) {
	s, err := ParseSelection(nil, nil)
	require.NoError(t, err)
	assert.Nil(t, s)
}

func TestSelectionByName(t *testing.T) {
	s, err := ParseSelection([]string{"h", "go_info"}, nil)
	require.NoError(t, err)
	assert.Equal(t, All, s.Family("h", histogramSamples))
	assert.Equal(t, All, s.Family("go_info", []string{"go_info"}))
	assert.Equal(t, None, s.Family("go", []string{"go"}))
	assert.True(t, s.Series("h", histogramSamples, nil), "labels do not matter")
	samplesOnly, err := ParseSelection([]string{"h_count"}, nil)
	require.NoError(t, err)
	assert.Equal(t, None, samplesOnly.Family("h", histogramSamples), "name[] is the name of a family")
}

func TestFamilyVerdicts(t *testing.T) {
	for match, want := range map[string]Verdict{
		`h`:                                    All,
		`h_bucket`:                             All,
		`h_max`:                                None,
		`{__name__=~"h_.*"}`:                   All,
		`{__name__=~"g_.*"}`:                   None,
		`{__name__=~"h.*",__name__!~"h|h_.*"}`: None,
		`{__name__!="h_sum",job="a"}`:          Some,
		`h{job="a"}`:                           Some,
		`{job="a"}`:                            Some,
		`g{job="a"}`:                           None,
		`{"h"}`:                                All,
		`{"http.route"="/"}`:                   Some,
	} {
		assert.Equal(t, want, selection(t, match).Family("h", histogramSamples), match)
	}
	assert.Equal(t, All, selection(t, `h{job="a"}`, `h_sum`).Family("h", histogramSamples), "any of them selects")
}

func TestSeriesAsPrometheusMatches(t *testing.T) {
	series := []labels.Labels{
		labels.FromStrings("job", "api", "path", "/pay"),
		labels.FromStrings("job", "api"),
		labels.FromStrings("job", "web", "path", "/"),
		labels.EmptyLabels(),
	}
	for match, want := range map[string][]int{
		`h`:                          {0, 1, 2, 3},
		`{job="api"}`:                {0, 1},
		`h{path=""}`:                 {1, 3},
		`h{path!=""}`:                {0, 2},
		`h_sum{path=~"/.+"}`:         {0},
		`h{job!~"api|",path=~".*/"}`: {2},
		`g{job="api"}`:               {},
	} {
		s, got := selection(t, match), []int{}
		for i, ls := range series {
			if s.Series("h", histogramSamples, ls.Get) {
				got = append(got, i)
			}
		}
		assert.Equal(t, want, got, match)
	}
}

func TestSelectionWithinAnother(t *testing.T) {
	page, other := selection(t, `h{job="api"}`, `g`), selection(t, `{job=~".+"}`)
	inner, err := ParseSelection([]string{"h"}, nil)
	require.NoError(t, err)
	for _, s := range []*Selection{inner.Within(page).Within(other), inner.Within(page.Within(other))} {
		assert.Equal(t, Some, s.Family("h", histogramSamples))
		assert.Equal(t, None, s.Family("g", []string{"g"}))
		assert.True(t, s.Series("h", histogramSamples, labels.FromStrings("job", "api").Get))
		assert.False(t, s.Series("h", histogramSamples, labels.FromStrings("job", "web").Get))
	}
	assert.Same(t, page, page.Within(nil))
	assert.Same(t, page, (*Selection)(nil).Within(page))
	assert.Nil(t, (*Selection)(nil).Within(nil))
}

func TestBadSelectionsAreRefused(t *testing.T) {
	long := `h{path="` + strings.Repeat("x", 5000) + `",}{`
	for match, says := range map[string]string{
		``:                     "`match[]` \"\"",
		`h{`:                   "`match[]` \"h{\": 1:3: parse error",
		`h[5m]`:                "parse error",
		`rate(h[5m])`:          "parse error",
		`h offset 5m`:          "parse error",
		`h{path=~"("}`:         "missing closing )",
		`{}`:                   "at least one matcher",
		`{job=""}`:             "at least one matcher",
		`{job=~".*"}`:          "at least one matcher",
		`h_bucket{le="1"}`:     "`le` cannot be matched",
		`rpc{quantile!="0.5"}`: "`quantile` cannot be matched",
		"h{path=\"\xff\"}":     "parse error",
		long:                   "parse error",
	} {
		_, err := ParseSelection(nil, []string{"ok", match})
		require.ErrorContains(t, err, says, match)
		assert.Less(t, len(err.Error()), 1000, "not all of a long one is repeated")
	}
	_, err := ParseSelection(nil, []string{"a{", "b{"})
	require.ErrorContains(t, err, "b{", "all are named")
}

func TestSelectionsAreBounded(t *testing.T) {
	_, err := ParseSelection(nil, make([]string, 101))
	require.ErrorContains(t, err, "`match[]` holds 101 selectors of 0 bytes, at most 100 of 10000")
	half := `{a="` + strings.Repeat("x", 5000) + `"}`
	_, err = ParseSelection(nil, []string{half, half})
	require.ErrorContains(t, err, "`match[]` holds 2 selectors of 10012 bytes")
	_, err = ParseSelection(nil, []string{`{a=~"` + strings.Repeat("ab|", 3000) + `c"}`, `{a=~"[0-9a-f]{32}"}`})
	require.NoError(t, err, "what people write")
}

// TestPatternsAreBounded holds short selectors that would take seconds and gigabytes to compile.
func TestPatternsAreBounded(t *testing.T) {
	for _, matches := range [][]string{
		{`{a=~"` + strings.Repeat("[a-z]{1000}", 900) + `"}`},
		{`{a=~"` + strings.Repeat("(a|bc*){1000}", 300) + `"}`},
		{`{a=~"` + strings.Repeat(`\\pL`, 1000) + `"}`},
		{"{a=~ # no way round\n`" + strings.Repeat("(a{10}b{90}){10}", 30) + "`"},
		slices.Repeat([]string{`{a!~'[a-z]{900}'}`}, 10),
	} {
		start := time.Now()
		_, err := ParseSelection(nil, matches)
		require.ErrorContains(t, err, "times as large as allowed")
		assert.Less(t, time.Since(start), time.Second)
	}
}

// TestSelectionAsPrometheusSelects compares with Prometheus' own selectors, on families of one sample name.
func TestSelectionAsPrometheusSelects(t *testing.T) {
	value := rapid.SampledFrom([]string{"", "a", "b", "ab"})
	pattern := rapid.SampledFrom([]string{"", "a", "a|b", ".*", ".+", "a.*", "[^a]+"})
	name := rapid.SampledFrom([]string{model.MetricNameLabel, "job", "zone", "http.route"})
	rapid.Check(t, func(t *rapid.T) {
		var want labels.Selector
		var texts []string
		for range rapid.IntRange(1, 4).Draw(t, "matchers") {
			typ := labels.MatchType(rapid.IntRange(0, 3).Draw(t, "type"))
			text := value
			if typ == labels.MatchRegexp || typ == labels.MatchNotRegexp {
				text = pattern
			}
			m := labels.MustNewMatcher(typ, name.Draw(t, "label"), text.Draw(t, "value"))
			want, texts = append(want, m), append(texts, m.String())
		}
		s, err := ParseSelection(nil, []string{"{" + strings.Join(texts, ",") + "}"})
		if err != nil {
			t.Skip(err)
		}
		series := labels.FromStrings(model.MetricNameLabel, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"),
			"job", value.Draw(t, "job"), "zone", value.Draw(t, "zone"), "http.route", value.Draw(t, "route"))
		family := series.Get(model.MetricNameLabel)
		shown := s.Series(family, []string{family}, series.Get)
		require.Equal(t, want.Matches(series), shown)
		switch s.Family(family, []string{family}) {
		case None:
			require.False(t, shown)
		case All:
			require.True(t, shown)
		case Some:
		}
	})
}

func TestSelectingAllocatesNothing(t *testing.T) {
	s := selection(t, `h{job=~"api|web",path!~"/internal/.*"}`, `{__name__=~"g_.*",zone="a"}`).Within(selection(t, `{job=~".+"}`))
	get := labels.FromStrings("job", "api", "path", "/pay").Get
	assert.True(t, s.Series("h", histogramSamples, get))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		s.Family("h", histogramSamples)
		s.Series("h", histogramSamples, get)
	}))
}

func FuzzParseSelection(f *testing.F) {
	f.Add(`h{job=~"api|web",path!~"/.*"}`)
	f.Add("{\"a.b\", x='\\u00e9', y=`z` # comment\n}")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelection([]string{"g"}, []string{text})
		if err != nil {
			require.Nil(t, s)
			return
		}
		get := labels.FromStrings("job", "api", "path", "/").Get
		require.Equal(t, All, s.Family("g", nil))
		if s.Series("h", histogramSamples, get) {
			require.NotEqual(t, None, s.Family("h", histogramSamples))
		}
	})
}
