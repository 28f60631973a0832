package rules

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
)

// signatures are of the functions on offer in tests, by context.
func signatures() map[string][]rulestest.Signature {
	f := testSettings().Functions
	return map[string][]rulestest.Signature{
		"resource":  rulestest.Signatures(f.Resource),
		"scope":     rulestest.Signatures(f.Scope),
		"metric":    rulestest.Signatures(f.Metric),
		"datapoint": rulestest.Signatures(f.DataPoint),
	}
}

var allSignatures = signatures()

func grammar(t *rapid.T, context string) *rulestest.Grammar {
	return rulestest.Grammar{Context: context, Functions: allSignatures[context], Without: rulestest.Random, Ordered: true}.Draw(t)
}

var contextOdds = []string{"resource", "scope", "metric", "metric", "datapoint", "datapoint", "datapoint", "datapoint"}

// randomRule is a rule of any kind. It is drawn again where OTTL refuses it.
func randomRule(t *rapid.T) Rule {
	for {
		r := randomAction(t)
		r.ErrorMode = rapid.SampledFrom([]ottl.ErrorMode{"", "", ottl.SilentError, ottl.PropagateError}).Draw(t, "error mode")
		if _, err := Compile(testSettings(), []Rule{r}); err == nil {
			return r
		}
	}
}

func randomAction(t *rapid.T) Rule {
	context := rapid.SampledFrom(contextOdds).Draw(t, "context")
	g := grammar(t, context)
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0, 1:
		var conditions []string
		for range rapid.IntRange(1, 2).Draw(t, "conditions") {
			conditions = append(conditions, grammar(t, rapid.SampledFrom(contextOdds).Draw(t, "context")).Condition())
		}
		return Rule{Drop: conditions}
	case 2:
		return Rule{Keep: []string{g.Condition()}}
	case 3:
		k := drawConstrain(t)
		return Rule{Constrain: &k}
	}
	return Rule{Transform: g.Statements(3)}
}

// Whatever OTTL is in the rules, what is remembered changes nothing, and a shared batch is not touched.
func TestRandomRulesMayBeRemembered(t *testing.T) {
	remembering := 0
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(randomRule), 1, 4).Draw(t, "rules")
		first, second := rulestest.Rich(t), rulestest.Rich(t)
		batches := []pmetric.Metrics{first, second, first}
		want := runBatches(t, Memoize{}, list, batches, false)
		require.Equal(t, want, runBatches(t, Memoize{}, list, batches, true), "shared")
		limit := rapid.SampledFrom([]int{1, 1000}).Draw(t, "max series")
		m := Memoize{MaxSeries: limit, Expiration: time.Hour}
		require.Equal(t, want, runBatches(t, m, list, batches, false), "remembered")
		require.Equal(t, want, runBatches(t, m, list, batches, true), "remembered and shared")
		p, _ := Compile(settingsWith(m), list)
		if p.steps[0].memo != nil {
			remembering++
		}
	})
	assert.Positive(t, remembering)
}

func settingsWith(m Memoize) Settings {
	set := testSettings()
	set.Memoize = m
	return set
}

// ran is what came of a batch.
type ran struct {
	md      string
	counts  []Counts
	refused bool
}

// runBatches compiles the rules and runs them on one batch after the other. Of a batch that is refused nothing counts.
func runBatches(t *rapid.T, m Memoize, list []Rule, batches []pmetric.Metrics, shared bool) []ran {
	p, err := Compile(settingsWith(m), list)
	require.NoError(t, err)
	var all []ran
	for _, batch := range batches {
		md := rulestest.Clone(batch)
		before := asJSON(t, md)
		if shared {
			md.MarkReadOnly()
		}
		counts := make([]Counts, len(list))
		out, err := p.Run(t.Context(), md, counts)
		if shared {
			require.Equal(t, before, asJSON(t, md), "a shared batch was written to")
		}
		if err != nil {
			all = append(all, ran{refused: true})
			continue
		}
		for i := range counts { // which error comes first depends on the way
			counts[i].FirstError, counts[i].Violation = nil, nil
		}
		all = append(all, ran{md: asJSON(t, out), counts: counts})
	}
	return all
}

// A dry run counts what the rule would do, does nothing, and refuses nothing.
func TestDryRunsCountWhatTheRuleWouldDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := randomRule(t)
		dry := rule
		dry.DryRun = true
		first, second := rulestest.Rich(t), rulestest.Rich(t)
		shared := rapid.Bool().Draw(t, "shared")
		proper, trial := compileRules(t, rule), compileRules(t, dry)
		for _, batch := range []pmetric.Metrics{first, second, first} {
			want, md := rulestest.Clone(batch), rulestest.Clone(batch)
			before := asJSON(t, md)
			wantCounts, wantErr := runOn(t.Context(), proper, want)
			if shared {
				md.MarkReadOnly()
			}
			counts := make([]Counts, 1)
			out, err := trial.Run(t.Context(), md, counts)
			require.NoError(t, err)
			same := out == md
			require.True(t, same, "it is a copy")
			require.Equal(t, before, asJSON(t, md))
			require.Equal(t, shared, md.IsReadOnly())
			if wantErr != nil {
				require.Positive(t, counts[0].Errors)
				continue
			}
			counts[0].Samples = nil
			require.Equal(t, withoutErrors(wantCounts), withoutErrors(counts))
		}
	})
}

func TestDryRunsAreSampledOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := compileRules(t, Rule{DryRun: true, Transform: []string{`set(datapoint.attributes["a"], "b") where datapoint.value_int == 1`}})
		sampled := func() *Samples {
			counts, err := runOn(t.Context(), p, oneGauge(pairs("a", "0"), pairs("a", "1")))
			require.NoError(t, err)
			require.Equal(t, 1, counts[0].Changed)
			return counts[0].Samples
		}
		assert.Equal(t, &Samples{Before: []string{`m{a="1"} 1 @{}`}, After: []string{`m{a="b"} 1 @{}`}}, sampled())
		assert.Nil(t, sampled())
		time.Sleep(sampleInterval - time.Second)
		assert.Nil(t, sampled())
		time.Sleep(time.Second)
		assert.NotNil(t, sampled())
	})
}

func TestSamplesAreFew(t *testing.T) {
	p := compileRules(t, Rule{DryRun: true, Drop: []string{`metric.name != ""`}})
	counts, err := runOn(t.Context(), p, rulestest.Metrics())
	require.NoError(t, err)
	assert.Len(t, counts[0].Samples.Before, sampleSize)
	assert.Empty(t, counts[0].Samples.After)
}
