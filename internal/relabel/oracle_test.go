package relabel

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	promrelabel "github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

var labelNames = []string{
	"a", "b", "code", "n", "__name__", "__tmp", "__resource_env", "__resource_host.name", "http.method", "env", "",
}

// drawConfig draws a config that Prometheus accepts.
func drawConfig(t *rapid.T) *promrelabel.Config {
	for {
		c := drawAnyConfig(t)
		if c.Validate(model.UTF8Validation) == nil {
			return c
		}
	}
}

func drawAnyConfig(t *rapid.T) *promrelabel.Config {
	c := promrelabel.DefaultRelabelConfig
	c.Action = rapid.SampledFrom([]promrelabel.Action{
		promrelabel.Replace, promrelabel.Replace, promrelabel.Replace, promrelabel.Keep, promrelabel.Drop, promrelabel.KeepEqual,
		promrelabel.DropEqual, promrelabel.HashMod, promrelabel.LabelMap, promrelabel.LabelMap, promrelabel.LabelDrop,
		promrelabel.LabelKeep, promrelabel.Lowercase, promrelabel.Uppercase,
	}).Draw(t, "action")
	name := rapid.SampledFrom(labelNames)
	one := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, what) }
	regexes := []string{"(.*)", ".*", "", "go_(.*)", "(..).*", "[0-9]+", "__resource_(.+)", "(a|b|code|__name__)", "__.*", "a;b", "([A-Z]+)"}
	switch c.Action {
	case promrelabel.LabelDrop, promrelabel.LabelKeep:
		c.Regex = promrelabel.MustNewRegexp(one("regex", regexes...))
		return &c
	case promrelabel.LabelMap:
		c.Regex = promrelabel.MustNewRegexp(one("regex", regexes...))
		c.Replacement = one("replacement", "$1", "x_$1", "a", "__name__", "__tmp", "${1}_y")
		return &c
	case promrelabel.Replace, promrelabel.Keep, promrelabel.Drop, promrelabel.KeepEqual, promrelabel.DropEqual,
		promrelabel.HashMod, promrelabel.Lowercase, promrelabel.Uppercase:
	}
	for _, n := range rapid.SliceOfN(name, 0, 3).Draw(t, "source_labels") {
		c.SourceLabels = append(c.SourceLabels, model.LabelName(n))
	}
	c.TargetLabel = name.Draw(t, "target_label")
	switch c.Action {
	case promrelabel.HashMod:
		c.Modulus = uint64(rapid.IntRange(0, 5).Draw(t, "modulus"))
	case promrelabel.Replace:
		c.Replacement = one("replacement", "$1", "", "fixed", "go_$1", "${1}$2")
		c.TargetLabel = one("target_label", c.TargetLabel, c.TargetLabel, "$1", "__name__", "x_$1")
		fallthrough
	case promrelabel.Keep, promrelabel.Drop:
		c.Regex = promrelabel.MustNewRegexp(one("regex", regexes...))
		c.Separator = one("separator", ";", "", "::")
	case promrelabel.KeepEqual, promrelabel.DropEqual, promrelabel.Lowercase, promrelabel.Uppercase, promrelabel.LabelMap,
		promrelabel.LabelDrop, promrelabel.LabelKeep:
	}
	return &c
}

// drawAttributes draws attributes of all types.
func drawAttributes(t *rapid.T, keys ...string) pcommon.Map {
	m := pcommon.NewMap()
	for range rapid.IntRange(0, 5).Draw(t, "attributes") {
		key := rapid.SampledFrom(keys).Draw(t, "key")
		switch rapid.IntRange(0, 8).Draw(t, "type") {
		case 0:
			m.PutInt(key, rapid.Int64().Draw(t, "int"))
		case 1:
			m.PutDouble(key, rapid.SampledFrom([]float64{0, 1.5, 1e21, -0.1}).Draw(t, "double"))
		case 2:
			m.PutBool(key, rapid.Bool().Draw(t, "bool"))
		case 3:
			m.PutEmptyBytes(key).FromRaw([]byte{1, 2, 250})
		case 4:
			m.PutEmptyMap(key).PutStr("x", rapid.SampledFrom([]string{"", "y"}).Draw(t, "nested"))
		case 5:
			m.PutEmptySlice(key).AppendEmpty().SetInt(1)
		case 6:
			m.PutEmpty(key)
		default:
			m.PutStr(key, rapid.SampledFrom([]string{"", "a", "b", "go_threads", "200", "GET", "a;b", "1"}).Draw(t, "text"))
		}
	}
	return m
}

// relabelled is what Prometheus makes of a point: its labels, and whether it stays.
func relabelled(name string, resource, attrs pcommon.Map, configs []*promrelabel.Config) (map[string]string, bool) {
	lset := map[string]string{}
	for key, value := range resource.All() {
		lset["__resource_"+key] = value.AsString()
	}
	for key, value := range attrs.All() {
		lset[key] = value.AsString()
	}
	lset["__name__"] = name
	maps.DeleteFunc(lset, func(_, value string) bool { return value == "" })
	b := labels.NewBuilder(labels.FromMap(lset))
	keep := promrelabel.ProcessBuilder(b, configs...)
	return b.Labels().Map(), keep
}

func TestPointsAreRelabelledAsPrometheusRelabelsSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		configs := rapid.SliceOfN(rapid.Custom(drawConfig), 1, 5).Draw(t, "configs")
		name := rapid.SampledFrom([]string{"go_threads", "http_requests", "a", ""}).Draw(t, "name")
		resource := drawAttributes(t, "env", "host.name", "a")
		attrs := drawAttributes(t, "a", "b", "code", "n", "http.method", "env", "__tmp", "__name__", "__resource_env")
		before := pcommon.NewMap()
		attrs.CopyTo(before)
		want, keep := relabelled(name, resource, attrs, configs)

		r := New(configs)
		looked, lookErr := r.Look(name, resource, attrs)
		require.True(t, before.Equal(attrs), "Look has changed something")
		got, err := r.Point(name, resource, attrs)
		require.Equal(t, looked, got)
		require.Equal(t, lookErr, err)
		requireNothingUnforeseen(t, r, got, err, name, before)

		switch {
		case !keep:
			require.NoError(t, err)
			require.Equal(t, Verdict{Drop: true}, got)
			require.True(t, before.Equal(attrs))
		case want["__name__"] == "" && name != "":
			require.Error(t, err)
			require.True(t, before.Equal(attrs))
		default:
			require.NoError(t, err)
			require.Equal(t, Verdict{Name: want["__name__"], Renamed: want["__name__"] != name, Changed: got.Changed}, got)
			requireAttributes(t, want, before, attrs)
			require.Equal(t, !sameEntries(before, attrs), got.Changed)
		}
	})
}

// requireNothingUnforeseen holds what a Relabeler promises of all points against what it did to one.
func requireNothingUnforeseen(t *rapid.T, r *Relabeler, got Verdict, err error, name string, attrs pcommon.Map) {
	if !r.MayRename() {
		require.NoError(t, err)
		require.False(t, got.Renamed)
	}
	if r.ReadsResource() {
		return
	}
	blind, blindErr := r.Look(name, pcommon.NewMap(), attrs)
	require.Equal(t, got, blind, "it has read the resource")
	require.Equal(t, err, blindErr)
}

// requireAttributes demands the labels as attributes: with type and place where the text is as before, behind them in the
// order of their names where there was none.
func requireAttributes(t *rapid.T, want map[string]string, before, attrs pcommon.Map) {
	public := maps.Clone(want)
	maps.DeleteFunc(public, func(key, _ string) bool { return strings.HasPrefix(key, "__") })
	var order, added []string
	for key, value := range before.All() {
		text := value.AsString()
		if key == "__name__" || !strings.HasPrefix(key, "__") && (public[key] != "" || text == "") {
			order = append(order, key)
		}
	}
	for key := range public {
		if _, known := before.Get(key); !known {
			added = append(added, key)
		}
	}
	slices.Sort(added)
	order = append(order, added...)

	var got []string
	for key, value := range attrs.All() {
		got = append(got, key)
		old, known := before.Get(key)
		if key == "__name__" { // of a point it is an attribute like any, that no label can be made of
			require.True(t, value.Equal(old))
			continue
		}
		require.Equal(t, want[key], value.AsString(), key)
		require.True(t, value.Type() == pcommon.ValueTypeStr || known && value.Equal(old), key)
	}
	require.Equal(t, order, got)
}

func sameEntries(a, b pcommon.Map) bool {
	var x, y []string
	for key, value := range a.All() {
		x = append(x, fmt.Sprintf("%q %s %q", key, value.Type(), value.AsString()))
	}
	for key, value := range b.All() {
		y = append(y, fmt.Sprintf("%q %s %q", key, value.Type(), value.AsString()))
	}
	return slices.Equal(x, y)
}

// Attributes have no order that counts: whatever it is, the labels come out the same.
func TestTheOrderOfAttributesDoesNotMatter(t *testing.T) {
	configs := []*promrelabel.Config{{
		Action: promrelabel.LabelMap, Regex: promrelabel.MustNewRegexp("(a|b)"), Replacement: "x", NameValidationScheme: model.UTF8Validation,
	}}
	for _, keys := range [][]string{{"a", "b"}, {"b", "a"}} {
		attrs := pcommon.NewMap()
		for _, key := range keys {
			attrs.PutStr(key, key)
		}
		_, err := New(configs).Point("m", pcommon.NewMap(), attrs)
		require.NoError(t, err)
		x, _ := attrs.Get("x")
		assert.Equal(t, "b", x.Str())
	}
}

func TestRelabelerMayBeUsedConcurrently(t *testing.T) {
	r := New([]*promrelabel.Config{{
		Action: promrelabel.LabelMap, Regex: promrelabel.MustNewRegexp("(.)"), Replacement: "x_$1", NameValidationScheme: model.UTF8Validation,
	}})
	t.Run("group", func(t *testing.T) {
		for range 8 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for i := range 200 {
					attrs := pcommon.NewMap()
					attrs.PutInt("a", int64(i))
					_, err := r.Point("m", pcommon.NewMap(), attrs)
					require.NoError(t, err)
					x, _ := attrs.Get("x_a")
					require.Equal(t, strconv.Itoa(i), x.Str())
				}
			})
		}
	})
}
