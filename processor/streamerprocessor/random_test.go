package streamerprocessor_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"pgregory.net/rapid"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlresource"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlscope"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

// filterFunctions and transformFunctions are what contrib's processors offer, by context.
var (
	filterFunctions = map[string][]rulestest.Signature{
		"resource":  signatures(filterprocessor.DefaultResourceFunctions()),
		"scope":     rulestest.Signatures(ottlfuncs.StandardFuncs[*ottlscope.TransformContext]()),
		"metric":    signatures(filterprocessor.DefaultMetricFunctions()),
		"datapoint": signatures(filterprocessor.DefaultDataPointFunctions()),
	}
	transformFunctions = map[string][]rulestest.Signature{
		"resource":  rulestest.Signatures(ottlfuncs.StandardFuncs[*ottlresource.TransformContext]()),
		"scope":     rulestest.Signatures(ottlfuncs.StandardFuncs[*ottlscope.TransformContext]()),
		"metric":    signatures(transformprocessor.DefaultMetricFunctions()),
		"datapoint": signatures(transformprocessor.DefaultDataPointFunctions()),
		"exemplar":  signatures(transformprocessor.DefaultExemplarFunctions()),
	}
)

// delivery is what a processor makes of one batch.
type delivery struct {
	// sent is what it sends on, nil if nothing.
	sent []byte
	err  string
	// shown is sent for people to read.
	shown string
}

// deliver sends each batch through a new processor, in order. A batch that is shared is not touched.
func deliver(t *rapid.T, factory processor.Factory, conf map[string]any, batches []pmetric.Metrics, shared bool) (list []delivery) {
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(conf).Unmarshal(cfg))
	var out []delivery
	next, err := consumer.NewMetrics(func(_ context.Context, md pmetric.Metrics) error {
		out[len(out)-1].sent = marshal(md)
		out[len(out)-1].shown = asJSON(md)
		return nil
	})
	require.NoError(t, err)
	p, err := factory.CreateMetrics(t.Context(), processortest.NewNopSettings(factory.Type()), cfg, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	for _, batch := range batches {
		md := rulestest.Clone(batch)
		before := marshal(md)
		if shared {
			md.MarkReadOnly()
		}
		out = append(out, delivery{})
		out[len(out)-1].err = consume(t.Context(), p, md)
		if shared {
			require.True(t, bytes.Equal(before, marshal(md)), "the shared batch has been changed: %v", conf)
		}
	}
	require.NoError(t, p.Shutdown(t.Context()))
	return out
}

// consume returns the kind of error: there is a panic that is contrib's as well.
func consume(ctx context.Context, p processor.Metrics, md pmetric.Metrics) (failure string) {
	defer func() {
		if r := recover(); r != nil {
			failure = fmt.Sprint("panic: ", r)
		}
	}()
	if err := p.ConsumeMetrics(ctx, md); err != nil {
		return "error"
	}
	return ""
}

// marshal is exact but for a map that is unmarshalled in another order.
func marshal(md pmetric.Metrics) []byte {
	b, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	if err != nil {
		panic(err)
	}
	return append([]byte{0}, b...)
}

func asJSON(md pmetric.Metrics) string {
	b, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func same(a, b delivery) bool { return a.err == b.err && bytes.Equal(a.sent, b.sent) }

func sameAll(a, b []delivery) bool { return slices.EqualFunc(a, b, same) }

// verdict of comparing a block with itself in a rule.
type verdict int

const (
	alike verdict = iota
	// refused by both.
	refused
	// chance: contrib does not agree with itself, since a map of Go's has no order.
	chance
	// crashed: contrib panics.
	crashed
)

// compare demands that a block does the same in a rule as in contrib's processor: on mutable and on shared batches,
// remembered or not.
func (b block) compare(t *rapid.T, batches []pmetric.Metrics) (v verdict, changed bool) {
	wantErr := accepts(t, b.factory, b.conf)
	for _, memoize := range []bool{false, true} {
		err := accepts(t, streamerprocessor.NewFactory(), b.pasted(memoize))
		require.Equal(t, wantErr == nil, err == nil, "contrib: %v\nours: %v\n%s", wantErr, err, b)
	}
	if wantErr != nil {
		return refused, false
	}
	want := deliver(t, b.factory, b.conf, batches, false)
	if slices.ContainsFunc(want, func(d delivery) bool { return strings.HasPrefix(d.err, "panic") }) {
		b.requireError(t, batches, want)
		return crashed, false
	}
	for _, memoize := range []bool{false, true} {
		for _, conf := range b.rules(memoize, batches) {
			for _, shared := range []bool{false, true} {
				got := deliver(t, streamerprocessor.NewFactory(), conf, batches, shared)
				if b.sameButForgotten(want, got) {
					continue
				}
				if b.differsFromItself(t, batches, want) {
					return chance, false
				}
				for i := range want {
					require.Equal(t, want[i].err, got[i].err, "%v, shared: %t, batch %d: %s\n%s", conf, shared, i, asJSON(batches[i]), b)
					require.Equal(t, want[i].shown, got[i].shown, "%v, shared: %t, batch %d: %s\n%s", conf, shared, i, asJSON(batches[i]), b)
				}
				require.Fail(t, "the same JSON, and other bytes", "%v, shared: %t\n%s", conf, shared, b)
			}
		}
	}
	return alike, slices.ContainsFunc(want, func(d delivery) bool {
		return d.err == "" && !bytes.Equal(d.sent, marshal(batches[0])) && !bytes.Equal(d.sent, marshal(batches[1]))
	})
}

// rules are the configurations of the streamer that do what the block does: the block pasted, and a list of texts under the
// streamer's own key as well. drop leaves what came in empty, which the filter removes.
func (b block) rules(memoize bool, batches []pmetric.Metrics) []map[string]any {
	list := []map[string]any{b.pasted(memoize)}
	own := func(key string, texts any) {
		lines, _ := texts.([]any)
		if len(lines) == 0 || slices.ContainsFunc(lines, func(line any) bool { _, text := line.(string); return !text }) {
			return
		}
		rule := map[string]any{key: lines}
		if mode, ok := b.conf["error_mode"]; ok {
			rule["error_mode"] = mode
		}
		list = append(list, map[string]any{"memoize": memoize, "rules": []any{rule}})
	}
	own("transform", b.conf["metric_statements"])
	if !slices.ContainsFunc(batches, rulestest.HasShells) {
		own("drop", b.conf["metric_conditions"])
	}
	return list
}

// requireError demands an error where contrib panics, see ADR 0010.
func (b block) requireError(t *rapid.T, batches []pmetric.Metrics, want []delivery) {
	for _, memoize := range []bool{false, true} {
		got := deliver(t, streamerprocessor.NewFactory(), b.pasted(memoize), batches, false)
		for i := range want {
			if strings.HasPrefix(want[i].err, "panic") {
				require.Equal(t, delivery{err: "error"}, got[i], "%s", b)
			}
		}
	}
}

// sameButForgotten is sameAll but for errors that contrib's filter forgets where nothing is left, see ADR 0010.
func (b block) sameButForgotten(want, got []delivery) bool {
	return slices.EqualFunc(want, got, func(w, g delivery) bool {
		return same(w, g) || w.err == "" && w.sent == nil && g.err == "error" && b.conf["metric_conditions"] != nil
	})
}

// differsFromItself reports whether another run of contrib's processor does something else.
func (b block) differsFromItself(t *rapid.T, batches []pmetric.Metrics, want []delivery) bool {
	for range 40 {
		if !sameAll(want, deliver(t, b.factory, b.conf, batches, false)) {
			return true
		}
	}
	return false
}

// String shows the block as it would have to be written to see what it does.
func (b block) String() string { return fmt.Sprintf("%s: %q", b.factory.Type(), fmt.Sprint(b.conf)) }

func grammar(t *rapid.T, functions map[string][]rulestest.Signature, context string, short bool) *rulestest.Grammar {
	return rulestest.Grammar{
		Context: context, Short: short, Functions: functions[context], Without: rulestest.Random,
		Lambdas: rapid.IntRange(0, 30).Draw(t, "lambdas") == 0,
	}.Draw(t)
}

func randomConditions(t *rapid.T, g *rulestest.Grammar, most int) []any {
	var list []any
	for range rapid.IntRange(1, most).Draw(t, "conditions") {
		list = append(list, g.Condition())
	}
	return list
}

// randomFilter is a block of the filter processor.
func randomFilter(t *rapid.T) block {
	conf := map[string]any{}
	drawMode(t, conf)
	switch rapid.IntRange(0, 3).Draw(t, "shape") {
	case 0:
		lists := map[string]any{}
		for _, context := range []string{"resource", "metric", "datapoint"} {
			if rapid.Bool().Draw(t, context) {
				lists[context] = randomConditions(t, grammar(t, filterFunctions, context, true), 2)
			}
		}
		conf["metrics"] = lists
	case 1:
		var list []any
		for range rapid.IntRange(1, 3).Draw(t, "conditions") {
			list = append(list, grammar(t, filterFunctions, filterContext(t), false).Condition())
		}
		conf["metric_conditions"] = list
	default:
		var list []any
		for range rapid.IntRange(1, 3).Draw(t, "groups") {
			short := rapid.Bool().Draw(t, "with context")
			context := filterContext(t)
			group := map[string]any{"conditions": randomConditions(t, grammar(t, filterFunctions, context, short), 2)}
			if short {
				group["context"] = context
			}
			drawMode(t, group)
			list = append(list, group)
		}
		conf["metric_conditions"] = list
	}
	return block{filterprocessor.NewFactory(), conf}
}

func filterContext(t *rapid.T) string {
	return rapid.SampledFrom([]string{"resource", "scope", "metric", "metric", "datapoint", "datapoint", "datapoint"}).Draw(t, "context")
}

func transformContext(t *rapid.T) string {
	return rapid.SampledFrom([]string{"resource", "scope", "metric", "metric", "datapoint", "datapoint", "datapoint", "datapoint", "exemplar"}).Draw(t, "context")
}

// randomTransform is a block of the transform processor.
func randomTransform(t *rapid.T) block {
	conf := map[string]any{}
	drawMode(t, conf)
	if rapid.IntRange(0, 3).Draw(t, "flat") == 0 {
		conf["metric_statements"] = anySlice(grammar(t, transformFunctions, transformContext(t), false).Statements(4))
		return block{transformprocessor.NewFactory(), conf}
	}
	var list []any
	for range rapid.IntRange(1, 3).Draw(t, "groups") {
		short := rapid.Bool().Draw(t, "with context")
		context := transformContext(t)
		g := grammar(t, transformFunctions, context, short)
		group := map[string]any{"statements": anySlice(g.Statements(4))}
		if short {
			group["context"] = context
		}
		if rapid.IntRange(0, 3).Draw(t, "guarded") == 0 {
			group["conditions"] = randomConditions(t, g, 2)
		}
		drawMode(t, group)
		list = append(list, group)
	}
	conf["metric_statements"] = list
	return block{transformprocessor.NewFactory(), conf}
}

// TestRandomProgramsEqualContrib has OTTL nobody has thought of run by contrib's processors and by rules.
func TestRandomProgramsEqualContrib(t *testing.T) {
	for name, draw := range map[string]func(*rapid.T) block{"filter": randomFilter, "transform": randomTransform} {
		t.Run(name, func(t *testing.T) {
			count := map[verdict]int{}
			changed, drawn := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				if drawn++; drawn%oneIn != 0 {
					return
				}
				b := draw(t)
				first, second := rulestest.Rich(t), rulestest.Rich(t)
				v, c := b.compare(t, []pmetric.Metrics{first, second, first})
				count[v]++
				if c {
					changed++
				}
			})
			all := count[alike] + count[refused] + count[chance] + count[crashed]
			t.Logf("%d alike (of which %d change something), %d refused by both, %d not alike even in contrib, %d that contrib panics of", count[alike], changed, count[refused], count[chance], count[crashed])
			assert.Greater(t, 2*count[alike], all, "a test of what is refused is none")
		})
	}
}

func signatures[K any](list []ottl.Factory[K]) []rulestest.Signature {
	return rulestest.Signatures(ottl.CreateFactoryMap(list...))
}
