package rules

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
)

// statementsByContext are of all kinds: pure, about values, and of neither kind.
var statementsByContext = map[string][]string{
	"datapoint": {
		`set(datapoint.attributes["cluster"], "eu-1")`,
		`set(datapoint.attributes["env"], "none") where datapoint.attributes["env"] == nil`,
		`set(datapoint.attributes["name"], Concat([metric.name, resource.attributes["env"]], "/"))`,
		`set(datapoint.attributes["tags"], resource.attributes["tags"])`,
		`set(datapoint.attributes, resource.attributes) where metric.name == "go_threads"`,
		`delete_key(datapoint.attributes, "env")`,
		`delete_key(datapoint.attributes, metric.unit)`,
		`delete_matching_keys(datapoint.attributes, "^(c|e)")`,
		`keep_keys(datapoint.attributes, ["id", "env", "cluster"])`,
		`keep_matching_keys(datapoint.attributes, "^(i|e)")`,
		`replace_pattern(datapoint.attributes["code"], "^5(.*)$", "five$$1") where IsString(datapoint.attributes["code"])`,
		`replace_pattern(datapoint.attributes["env"], "d", "D", ToUpperCase) where datapoint.attributes["env"] != nil`,
		`replace_all_patterns(datapoint.attributes, "value", "0", "zero")`,
		`replace_all_matches(datapoint.attributes, "d*", "star")`,
		`truncate_all(datapoint.attributes, 2)`,
		`merge_maps(datapoint.attributes, resource.attributes, "insert")`,
		`limit(datapoint.attributes, 1, ["id"])`,
		`set(datapoint.attributes["long"], Substring(metric.name, 0, 11))`,
		`set(datapoint.attributes["long"], Substring(datapoint.attributes["env"], 0, 4)) where datapoint.attributes["env"] != nil`,
		`set(datapoint.value_double, datapoint.value_double * 2.5)`,
		`set(datapoint.value_int, datapoint.value_int / 2) where metric.name == "http_requests"`,
		`set(datapoint.value_int, datapoint.value_int - 1) where datapoint.value_int > 3`,
		`set(datapoint.value_int, 7) where datapoint.attributes["env"] == "dev" and datapoint.value_int > 3`,
		`set(datapoint.value_int, Int(datapoint.attributes["code"])) where datapoint.attributes["code"] != nil and datapoint.value_int >= 0`,
		`set(datapoint.count, 9) where metric.type == METRIC_DATA_TYPE_HISTOGRAM`,
		`set(datapoint.value_double, "text") where datapoint.attributes["env"] == "dev"`,
		`set(datapoint.attributes["v"], datapoint.value_int)`,
		`set(datapoint.cache["x"], metric.name)`,
		`set(datapoint.attributes["n"], datapoint.cache["x"])`,
		`set(metric.unit, datapoint.attributes["env"]) where datapoint.attributes["env"] != nil`,
	},
	"metric": {
		`set(metric.unit, "By")`,
		`set(metric.description, Concat([scope.name, metric.name], "/"))`,
		`replace_pattern(metric.name, "^http_(.*)$", "web_$$1")`,
		`set(metric.description, Substring(metric.name, 0, 11))`,
		`set(metric.unit, "s") where metric.type == METRIC_DATA_TYPE_SUMMARY`,
	},
	"scope": {
		`set(scope.version, "1")`,
		`set(scope.attributes["team"], resource.attributes["team"])`,
	},
	"resource": {
		`set(resource.attributes["seen"], true) where resource.attributes["env"] == "prod"`,
		`delete_key(resource.attributes, "team")`,
	},
}

var moreConditions = []string{
	`datapoint.value_int > 3`,
	`datapoint.attributes["cluster"] == "eu-1"`,
	`datapoint.attributes["code"] == "500" and datapoint.value_int < 9`,
	`Substring(metric.name, 0, 11) == "http_reques"`,
	`Substring(datapoint.attributes["env"], 0, 4) == "prod"`,
	`metric.name == "web_requests" or metric.unit == "By"`,
}

func drawRule(t *rapid.T) Rule {
	r := Rule{ErrorMode: rapid.SampledFrom([]ottl.ErrorMode{"", ottl.SilentError, ottl.PropagateError}).Draw(t, "error mode")}
	if rapid.IntRange(0, 2).Draw(t, "kind") > 0 {
		context := rapid.SampledFrom([]string{"datapoint", "datapoint", "datapoint", "metric", "scope", "resource"}).Draw(t, "context")
		r.Transform = rapid.SliceOfN(rapid.SampledFrom(statementsByContext[context]), 1, 4).Draw(t, "statements")
		return r
	}
	texts := moreConditions
	for _, c := range rulestest.Conditions {
		texts = append(texts, c.Text)
	}
	if rapid.Bool().Draw(t, "keep") {
		r.Keep = []string{rapid.SampledFrom(texts).Draw(t, "condition")}
	} else {
		r.Drop = rapid.SliceOfN(rapid.SampledFrom(texts), 1, 3).Draw(t, "conditions")
	}
	return r
}

func compileMemoizing(t require.TestingT, m Memoize, list ...Rule) *Program {
	set := testSettings()
	set.Memoize = m
	p, err := Compile(set, list)
	require.NoError(t, err)
	return p
}

func asJSON(t require.TestingT, md pmetric.Metrics) string {
	text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
	require.NoError(t, err)
	return string(text)
}

// What is remembered changes nothing: neither what comes out nor what is counted.
func TestMemoizedEqualsRunEveryTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(drawRule), 1, 5).Draw(t, "rules")
		every := compileMemoizing(t, Memoize{}, list...)
		limit := rapid.SampledFrom([]int{1, 1000}).Draw(t, "max series")
		memoized := compileMemoizing(t, Memoize{MaxSeries: limit, Expiration: time.Hour}, list...)
		first, second := rulestest.Draw(t, rapid.IntRange(0, 1).Draw(t, "least")), rulestest.Draw(t, 1)
		for i, in := range []pmetric.Metrics{rulestest.Metrics(), first, rulestest.Metrics(), second, first} {
			want, got := rulestest.Clone(in), rulestest.Clone(in)
			wantCounts, wantErr := runOn(t.Context(), every, want)
			counts, err := runOn(t.Context(), memoized, got)
			require.Equal(t, wantErr == nil, err == nil, "%d: %v, %v", i, wantErr, err)
			if wantErr != nil {
				continue
			}
			require.Equal(t, asJSON(t, want), asJSON(t, got), "batch %d", i)
			require.Equal(t, withoutErrors(wantCounts), withoutErrors(counts), "batch %d", i)
		}
	})
}

// A batch that is shared is not touched, and what comes out is the same; the batch itself if nothing changes.
func TestReadOnlyBatchesAreCopiedOnlyToBeChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(drawRule), 1, 4).Draw(t, "rules")
		m := rapid.SampledFrom([]Memoize{{}, {MaxSeries: 1000, Expiration: time.Hour}}).Draw(t, "memoize")
		p, reference := compileMemoizing(t, m, list...), compileMemoizing(t, m, list...)
		for _, in := range []pmetric.Metrics{rulestest.Metrics(), rulestest.Draw(t, 0), rulestest.Metrics()} {
			before, want := asJSON(t, in), rulestest.Clone(in)
			wantCounts, wantErr := runOn(t.Context(), reference, want)
			in.MarkReadOnly()
			counts := make([]Counts, len(list))
			got, err := p.Run(t.Context(), in, counts)
			require.Equal(t, before, asJSON(t, in))
			require.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
			if wantErr != nil {
				continue
			}
			require.Equal(t, asJSON(t, want), asJSON(t, got))
			require.Equal(t, withoutErrors(wantCounts), withoutErrors(counts))
			require.True(t, got.IsReadOnly())
		}
	})
}

func TestWhatNoRuleChangesStaysShared(t *testing.T) {
	for name, rule := range map[string]Rule{
		"drop":         {Drop: []string{`datapoint.attributes["env"] == "nosuch"`, `metric.name == "nosuch"`, `resource.attributes["env"] == "nosuch"`}},
		"keep":         {Keep: []string{`metric.name != "nosuch"`}},
		"transform":    {Transform: []string{`set(metric.name, "x") where metric.name == "nosuch"`}},
		"already so":   {Transform: []string{`set(metric.unit, "1")`}},
		"values":       {Transform: []string{`set(datapoint.value_int, 1) where datapoint.value_int == 123456`}},
		"not memoised": {Transform: []string{`set(resource.attributes["x"], UUID()) where resource.attributes["env"] == "nosuch"`}},
		"dry run":      {Drop: []string{`metric.name != ""`}, DryRun: true},
	} {
		t.Run(name, func(t *testing.T) {
			md := rulestest.Metrics()
			md.MarkReadOnly()
			p := compileMemoizing(t, Memoize{MaxSeries: 1000, Expiration: time.Hour}, rule)
			for range 2 {
				got, err := p.Run(t.Context(), md, make([]Counts, 1))
				require.NoError(t, err)
				if md != got {
					t.Error("it is a copy")
				}
			}
		})
	}
}

// withoutErrors leaves out which of several errors came first.
func withoutErrors(counts []Counts) []Counts {
	list := make([]Counts, 0, len(counts))
	for _, c := range counts {
		c.FirstError = nil
		list = append(list, c)
	}
	return list
}

func TestClasses(t *testing.T) {
	for text, why := range map[string]string{
		`set(datapoint.attributes["a"], metric.name)`:                           "",
		`set(datapoint.attributes[metric.name], 1)`:                             "",
		`delete_key(datapoint.attributes, "a") where IsMatch(metric.name, "x")`: "",
		`set(metric.name, Concat([resource.attributes["a"], "b"], "_"))`:        "",
		`set(datapoint.attributes["a"], datapoint.value_int)`:                   "it reads datapoint.value_int",
		`set(datapoint.attributes["a"], datapoint.cache["x"])`:                  "it reads datapoint.cache",
		`set(datapoint.attributes[datapoint.cache["x"]], "y")`:                  "it reads datapoint.cache",
		`set(metric.name, datapoint.attributes["a"])`:                           "it writes metric.name",
		`set(resource.attributes["a"], "b")`:                                    "it writes resource.attributes",
		`set(datapoint.attributes["a"], UUID())`:                                "it calls UUID",
		`set(datapoint.attributes["a"], Now())`:                                 "it calls Now",
		`limit(datapoint.attributes, 3, [])`:                                    "it calls limit",
		`replace_pattern(datapoint.attributes["a"], "b", "c", ToUpperCase)`:     "it hands a function to replace_pattern",
		`set(metric.aggregation_temporality, AGGREGATION_TEMPORALITY_DELTA)`:    "it writes metric.aggregation_temporality",
		`set(datapoint.attributes["a"], "b") where datapoint.flags == 1`:        "it reads datapoint.flags",
	} {
		p := compileRules(t, Rule{Name: "r", Transform: []string{text}})
		require.Len(t, p.Classes(), 1)
		assert.Equal(t, Class{Rule: "r", Key: "transform[0]", Text: text, EveryTime: why}, public(p.Classes()[0]))
	}
}

func public(c Class) Class {
	return Class{Rule: c.Rule, Key: c.Key, Text: c.Text, EveryTime: c.EveryTime}
}

func TestRulesThatShareAMemo(t *testing.T) {
	p := compileMemoizing(t, Memoize{MaxSeries: 100, Expiration: time.Hour},
		Rule{Drop: []string{`metric.name == "a"`}},
		Rule{Transform: []string{`set(datapoint.attributes["a"], 1)`, `set(datapoint.value_int, datapoint.value_int * 2)`}},
		Rule{Transform: []string{`set(datapoint.attributes["b"], 1)`}},
		Rule{Drop: []string{`metric.name == "b"`}}, // would change how often the value statement runs
		Rule{Drop: []string{`datapoint.value_int > 1`}},
		Rule{Transform: []string{`set(resource.attributes["b"], 1)`}},
		Rule{Keep: []string{`metric.name == "b"`}},
	)
	var got []string
	for _, s := range p.steps {
		got = append(got, fmt.Sprint(s.first, "-", s.end, " ", s.memo != nil))
	}
	assert.Equal(t, []string{"0-3 true", "3-4 true", "4-5 false", "5-6 false", "6-7 true"}, got)
}

// Points alike in what the rules read share one outcome, however many attributes tell them apart, and those that a rule
// deletes or sets anew, whatever they are.
func TestOutcomesAreSharedBySeriesAlike(t *testing.T) {
	for name, tt := range map[string]struct {
		rule       Rule
		remembered int
	}{
		"reads":   {Rule{Drop: []string{`datapoint.attributes["env"] == "dev"`}}, 2},
		"deletes": {Rule{Transform: []string{`delete_key(datapoint.attributes, "id")`}}, 1},
		"sets":    {Rule{Transform: []string{`set(datapoint.attributes["id"], datapoint.attributes["env"])`}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := compileMemoizing(t, Memoize{MaxSeries: 100_000, Expiration: time.Hour}, tt.rule)
			md := pmetric.NewMetrics()
			points := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints()
			for i := range 10_000 {
				a := points.AppendEmpty().Attributes()
				a.PutInt("id", int64(i))
				a.PutStr("env", []string{"dev", "prod"}[i%2])
			}
			want := rulestest.Clone(md)
			wantCounts, err := runOn(t.Context(), compileRules(t, tt.rule), want)
			require.NoError(t, err)
			counts, err := runOn(t.Context(), p, md)
			require.NoError(t, err)
			assert.Equal(t, wantCounts, counts)
			assert.Equal(t, asJSON(t, want), asJSON(t, md))
			assert.Equal(t, tt.remembered, p.Remembered())
		})
	}
}

// An attribute that is set to what it is, stays: a batch that is shared is not copied for it, and none allocates.
func TestSettingWhatIsSetChangesNothing(t *testing.T) {
	p := compileMemoizing(t, Memoize{MaxSeries: 1000, Expiration: time.Hour}, Rule{Transform: []string{`set(datapoint.attributes["a"], "1")`}})
	md, other := oneGauge(pairs("a", "1"), pairs("a", "1")), oneGauge(pairs("a", "1"), pairs("a", "2"))
	counts := make([]Counts, 1)
	run := func(md pmetric.Metrics) pmetric.Metrics {
		got, err := p.Run(t.Context(), md, counts)
		require.NoError(t, err)
		return got
	}
	run(md)
	if pooled {
		assert.Zero(t, testing.AllocsPerRun(100, func() { run(md) }))
	}
	md.MarkReadOnly()
	other.MarkReadOnly()
	if md != run(md) {
		t.Error("it is a copy")
	}
	if other == run(other) {
		t.Error("it is no copy")
	}
}

func TestKnownBatchOfKnownSeriesAllocatesNothing(t *testing.T) {
	if !pooled {
		t.Skip("allocations are counted without the race detector")
	}
	p := compileMemoizing(t, Memoize{MaxSeries: 100_000, Expiration: time.Hour},
		Rule{Drop: []string{`datapoint.attributes["env"] == "nosuch"`, `metric.name == "nosuch"`}},
		Rule{Transform: []string{`set(datapoint.attributes["env"], "prod") where datapoint.attributes["env"] == "production"`}})
	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for range 10 {
		points := metrics.AppendEmpty().SetEmptyGauge().DataPoints()
		for range 10 {
			points.AppendEmpty().Attributes().PutStr("env", "prod")
		}
	}
	counts := make([]Counts, 2)
	run := func() { _, _ = p.Run(t.Context(), md, counts) }
	run()
	assert.Zero(t, testing.AllocsPerRun(100, run), "a batch that is edited in place")
	md.MarkReadOnly()
	run()
	assert.Zero(t, testing.AllocsPerRun(100, run), "a batch that is looked at")
}
