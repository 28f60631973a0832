package exposition

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"google.golang.org/protobuf/proto"
)

// FuzzLabelText reads labels back from the text they are kept as: by our parser, by Prometheus', and from protobuf.
func FuzzLabelText(f *testing.F) {
	f.Add("path", "/", "a.b", `"`)
	f.Add(`q"x`, "\\", "b\\c\n", "\\n\n")
	f.Add("a", ",b=\"c", "{", "}")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		var ls []label
		for _, l := range [][2]string{{name1, value1}, {name2, value2}} {
			name, value := withoutColons(cleanText(l[0])), cleanText(l[1])
			if name != "" && name != "__name__" && !slices.ContainsFunc(ls, func(l label) bool { return l.name == name }) {
				ls = append(ls, label{key: name, name: name, value: value})
			}
		}
		text := appendLabels(nil, ls)
		require.Equal(t, ls, parseLabels(nil, text))
		require.Equal(t, pairsOf(ls), pairsIn(t, new(messages).appendLabelPairs(nil, text)))
		requireParsed(t, ls, text)
	})
}

// pairsIn decodes the labels of a metric.
func pairsIn(t *testing.T, fields []byte) []*dto.LabelPair {
	t.Helper()
	m := &dto.Metric{}
	require.NoError(t, proto.Unmarshal(fields, m))
	out := make([]*dto.LabelPair, len(m.Label)) // without what else a decoded message holds
	for i, pair := range m.Label {
		out[i] = &dto.LabelPair{Name: new(pair.GetName()), Value: new(pair.GetValue())}
	}
	return out
}

func requireParsed(t *testing.T, ls []label, text []byte) {
	t.Helper()
	want := map[string]string{"__name__": "m"}
	for _, l := range ls {
		want[l.name] = l.value
	}
	page := `{"m"` + string(text) + "} 1\n"
	for contentType, page := range map[string]string{string(textUTF8): page, string(omUTF8): page + "# EOF\n"} {
		parser, err := textparse.New([]byte(page), contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
		require.NoError(t, err)
		_, err = parser.Next()
		require.NoErrorf(t, err, "%q", page)
		var got labels.Labels
		parser.Labels(&got)
		require.Equal(t, labels.FromMap(want).String(), got.String())
	}
}

// FuzzOwnLabels shows a series whose labels are made from its key, and again where they are kept as text, because its
// family has seen too many lists of keys to remember this one.
func FuzzOwnLabels(f *testing.F) {
	f.Add("method", "GET", "path", "/", int64(-5), true)
	f.Add("a.b", "1", "a_b", "2", int64(0), false)
	f.Add("_", "", "\x00", "\xff", int64(math.MinInt64), true)
	f.Add("le", strings.Repeat("x", 200), "job", `"\`+"\n", int64(1), false)
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 string, number int64, flag bool) {
		md := gauge("g", 1, key1, value1, key2, value2)
		attrs := point(md).Attributes()
		attrs.PutInt("number", number)
		attrs.PutBool("flag", flag)
		md.ResourceMetrics().At(0).Resource().Attributes().PutStr(attrServiceName, "svc")
		strategy := otlptranslator.UnderscoreEscapingWithSuffixes
		if flag {
			strategy = otlptranslator.NoTranslation
		}
		fresh, crowded := NewStore(Options{Strategy: strategy}), NewStore(Options{Strategy: strategy})
		fresh.Add(gauge("g", 0, "crowd", "x"))
		fresh.Add(md)
		crowd(crowded)
		crowded.Add(md)
		require.Zero(t, plainSeries(crowded))
		for _, format := range allFormats {
			require.Equal(t, scrape(t, fresh, format).values, scrape(t, crowded, format).values)
		}
	})
}

// crowd fills the memory for lists of keys that the family g has, with names of one series that is empty otherwise.
func crowd(s *Store) {
	for i := range 64 {
		s.Add(gauge("g", 0, "k"+strconv.Itoa(i), "", "crowd", "x"))
	}
}

func plainSeries(s *Store) int {
	plain := 0
	for _, f := range s.currentCatalog().families {
		for _, r := range f.mu.series.Slots(0, f.mu.series.End()) {
			if r.flags&flagPlain != 0 {
				plain++
			}
		}
	}
	return plain
}

// FuzzFloat reads numbers back as they were written, bit by bit; all NaNs are one.
func FuzzFloat(f *testing.F) {
	for _, v := range []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 1 << 53, 1<<53 + 2, -1 << 53, 1<<53 - 1, 1e21, 5e-324, math.MaxFloat64,
		math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(0x7ff0000000000002), 2.2250738585072009e-308,
	} {
		f.Add(math.Float64bits(v))
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		v := math.Float64frombits(bits)
		for _, write := range []func([]byte, float64) []byte{appendFloat, appendBound, appendCanonical} {
			text := string(write([]byte("x"), v))
			got, err := strconv.ParseFloat(text[1:], 64)
			require.NoError(t, err)
			if math.IsNaN(v) {
				require.True(t, math.IsNaN(got), text)
				continue
			}
			require.Equal(t, bits, math.Float64bits(got), text)
			require.Regexp(t, `^x(?:`+omNumber+`)$`, text)
		}
		require.True(t, math.IsInf(v, 0) || math.IsNaN(v) || strings.ContainsAny(string(appendCanonical(nil, v)), ".e"))
	})
}

// FuzzSeconds reads times back to the nanosecond.
func FuzzSeconds(f *testing.F) {
	for _, ts := range []uint64{0, 1, 1e9, 1e9 - 1, 1e8, 100, 1_700_000_000_000_000_000, 1_700_000_000_123_456_789, math.MaxUint64} {
		f.Add(ts)
	}
	f.Fuzz(func(t *testing.T, ts uint64) {
		text := string(appendSeconds(nil, pcommon.Timestamp(ts)))
		got, ok := new(big.Rat).SetString(text)
		require.True(t, ok, text)
		want := new(big.Rat).SetFrac(new(big.Int).SetUint64(ts), big.NewInt(1e9))
		require.Zero(t, want.Cmp(got), text)
		require.Regexp(t, `^(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?$`, text)
		require.Equal(t, strconv.FormatUint(ts/1e6, 10), string(appendMillis(nil, pcommon.Timestamp(ts))))
	})
}
