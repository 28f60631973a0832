package rules

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
)

// notReviewed are the functions that run on each point, by the reason.
var notReviewed = map[string][]string{
	"they ask the clock or chance": {"Now", "UUID", "UUIDv7"},
	"they have the order of a map of Go's": {
		"ExtractGrokPatterns", "ExtractPatterns", "ParseCSV", "ParseJSON", "ParseKeyValue", "ParseSimplifiedXML", "ParseXML",
		"SliceToMap", "ToKeyValueString", "URL", "UserAgent", "flatten",
	},
	"it shows where in memory a map or a list is":        {"Format"},
	"they have the order of attributes, or decide by it": {"Keys", "Values", "limit"},
	"they take functions":                                {"All", "Any", "Filter", "Find", "MapEach", "MapKeys", "Reduce", "When"},
	"they walk or change a metric's points, by no path": {
		"HasAttrKeyOnDatapoint", "HasAttrOnDatapoint", "aggregate_on_attribute_value", "aggregate_on_attributes",
		"convert_exponential_histogram_to_histogram", "convert_gauge_to_sum", "convert_sum_to_gauge",
		"convert_summary_count_val_to_sum", "convert_summary_quantile_val_to_gauge", "convert_summary_sum_val_to_sum", "copy_metric",
		"extract_count_metric", "extract_percentile_metric", "extract_sum_metric", "merge_histogram_buckets", "scale_metric",
	},
	"nobody needs them of what series are made of": {
		"CommunityID", "ConvertAttributesToElementsXML", "ConvertTextToElementsXML", "Day", "Duration",
		"FormatTime", "GetXML", "Hour", "Hours", "InsertXML", "Microseconds", "Milliseconds", "Minute", "Minutes", "Month",
		"Nanosecond", "Nanoseconds", "ParseSeverity", "ProfileID", "RemoveXML", "Second", "Seconds", "Sort", "SpanID", "Time",
		"TraceID", "TruncateTime", "Unix", "UnixMicro", "UnixMilli", "UnixNano", "UnixSeconds", "Weekday", "Year", "append",
		"delete_index", "stringify_all",
	},
}

func addNames[K any](names map[string]bool, functions ...ottl.Factory[K]) {
	for _, f := range functions {
		names[f.Name()] = true
	}
}

// offered are all functions of contrib's that a rule may call.
func offered() map[string]bool {
	names := map[string]bool{}
	addNames(names, filterprocessor.DefaultResourceFunctions()...)
	addNames(names, filterprocessor.DefaultMetricFunctions()...)
	addNames(names, filterprocessor.DefaultDataPointFunctions()...)
	addNames(names, transformprocessor.DefaultMetricFunctions()...)
	addNames(names, transformprocessor.DefaultDataPointFunctions()...)
	addNames(names, transformprocessor.DefaultExemplarFunctions()...)
	for _, list := range allSignatures {
		for _, s := range list {
			names[s.Name] = true
		}
	}
	return names
}

// A function that contrib adds has to be read before a new version is taken: to be reviewed, or to be left out for a reason.
func TestEveryFunctionIsReviewedOrLeftOut(t *testing.T) {
	all := offered()
	lists := map[string]int{}
	for name := range reviewedConverters {
		lists[name]++
	}
	for name := range reviewedEditors {
		lists[name]++
	}
	for _, names := range notReviewed {
		for _, name := range names {
			lists[name]++
		}
	}
	for name := range all {
		assert.Equal(t, 1, lists[name], "%s has to be on one list", name)
	}
	for name := range lists {
		assert.True(t, all[name], "%s is no function", name)
	}
}

// Functions that are reviewed say the same of the same, wherever in memory it is.
func TestReviewedFunctionsAreDeterministic(t *testing.T) {
	var functions []rulestest.Signature
	for _, s := range allSignatures["datapoint"] {
		if reviewedConverters[s.Name] || reviewedEditors[s.Name] {
			functions = append(functions, s)
		}
	}
	require.Len(t, functions, len(reviewedConverters)+len(reviewedEditors))
	rapid.Check(t, func(t *rapid.T) {
		set := functions[slices.IndexFunc(functions, func(s rulestest.Signature) bool { return s.Name == "set" })]
		one := rapid.SampledFrom(functions).Draw(t, "function")
		g := rulestest.Grammar{Context: "datapoint", Functions: []rulestest.Signature{set, one}, Ordered: true}.Draw(t)
		rule := Rule{Transform: g.Statements(3)}
		p, err := Compile(testSettings(), []Rule{rule})
		if err != nil {
			return
		}
		md := rulestest.Rich(t)
		first, second := rulestest.Clone(md), rulestest.Clone(md)
		_, firstErr := runOn(t.Context(), p, first)
		_, secondErr := runOn(t.Context(), p, second)
		require.Equal(t, firstErr, secondErr)
		require.Equal(t, asJSON(t, first), asJSON(t, second))
	})
}
