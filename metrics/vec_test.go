package metrics

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"pgregory.net/rapid"
)

func TestWithFindsTheSameSeries(t *testing.T) {
	v := Must(NewCounterVec[int64, route]("c", "h", nil, Constraints[int64]{}))
	for range 3 {
		for i := range 100 {
			v.With(route{"GET", strconv.Itoa(i)}).Inc()
		}
	}
	assert.Equal(t, int64(3), v.With(route{"GET", strings.Clone("42")}).Value())
	assert.Len(t, v.vec.list(), 100)
}

// The overflow series takes what the limit leaves out, in both worlds.
func TestSeriesLimit(t *testing.T) {
	v := Must(NewCounterVec[int64, route]("c", "h", Labels{"app": "shop"}, Constraints[int64]{}, WithSeriesLimit(3)))
	for i := range 10 {
		v.With(route{"GET", strconv.Itoa(i)}).Inc()
	}
	text := page(t, registryOf(t, v), formats[0])
	assert.Contains(t, text, `c_total{app="shop",code="1",method="GET"} 1`)
	assert.Contains(t, text, `c_total{app="shop",otel_metric_overflow="true"} 8`)
	assert.Equal(t, 3, strings.Count(text, "\nc_total{"))

	points := produced(t, v).Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
	require.Len(t, points, 3)
	for _, p := range points {
		if marked, ok := p.Attributes.Value("otel.metric.overflow"); ok {
			assert.True(t, marked.AsBool())
			assert.Equal(t, int64(8), p.Value)
			assert.Equal(t, 2, p.Attributes.Len(), "with the constant label")
		}
	}
}

// Who looked a moment before the limit was reached still finds the series there is.
func TestSeriesThatWasMissedBeforeTheLimit(t *testing.T) {
	v := Must(NewCounterVec[int64, route]("c", "h", nil, Constraints[int64]{}, WithSeriesLimit(3)))
	a := v.With(route{"GET", "a"})
	v.With(route{"GET", "b"})
	v.With(route{"GET", "c"})
	assert.Same(t, a, v.vec.miss(route{"GET", "a"}))
	assert.Same(t, v.vec.spilled, v.vec.miss(route{"GET", "c"}))
}

func TestDeleteMakesRoom(t *testing.T) {
	v := Must(NewGaugeVec[int64, route]("g", "h", nil, Constraints[int64]{}, WithSeriesLimit(3)))
	a, b, c := route{"a", ""}, route{"b", ""}, route{"c", ""}
	kept := v.With(a)
	kept.Set(1)
	v.With(b).Set(2)
	v.With(c).Set(3)
	assert.False(t, v.Delete(c), "it is in the overflow series")
	assert.True(t, v.Delete(a))
	assert.False(t, v.Delete(a))
	kept.Set(9)
	v.With(c).Set(4)
	text := page(t, registryOf(t, v), formats[0])
	assert.Equal(t, 3, strings.Count(text, "\ng{"), text)
	assert.NotContains(t, text, `method="a"`)
	assert.Contains(t, text, `g{code="",method="c"} 4`)
	assert.Contains(t, text, `g{otel_metric_overflow="true"} 3`)
}

// Prometheus refuses a page and OTLP a batch for one string that is not UTF-8.
func TestLabelValuesBecomeUTF8(t *testing.T) {
	v := Must(NewCounterVec[int64, route]("c", "h", Labels{"app": "sh\xffop"}, Constraints[int64]{}))
	v.With(route{"G\xffT", "200"}).Inc()
	v.With(route{"G\xffT", "200"}).Inc()
	v.With(route{"G\uFFFDT", "200"}).Inc()
	assert.Contains(t, page(t, registryOf(t, v), formats[0]), "c_total{app=\"sh\uFFFDop\",code=\"200\",method=\"G\uFFFDT\"} 3")
	assert.True(t, v.Delete(route{"G\xffT", "200"}))
}

// A Vec does as a map does, whatever the order of look-ups and deletions, as long as there is room.
func TestVecIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := Must(NewCounterVec[int64, route]("c", "h", nil, Constraints[int64]{}, WithSeriesLimit(10)))
		model := map[route]int64{}
		var spilled int64
		key := rapid.Custom(func(t *rapid.T) route {
			return route{rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "m"), rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "c")}
		})
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			k := key.Draw(t, "key")
			_, known := model[k]
			switch {
			case rapid.IntRange(0, 4).Draw(t, "delete") == 0:
				require.Equal(t, known, v.Delete(k))
				delete(model, k)
			case !known && len(model) == 9:
				v.With(k).Inc()
				spilled++
			default:
				v.With(k).Inc()
				model[k]++
			}
		}
		require.Equal(t, model, valuesOf(v))
		if v.vec.spilled != nil {
			require.Equal(t, spilled, v.vec.spilled.Value())
		}
	})
}

func valuesOf(v *CounterVec[int64, route]) map[route]int64 {
	values := map[route]int64{}
	for _, c := range v.vec.list() {
		if len(c.series.labels) == 2 {
			values[route{c.series.labels[1].value, c.series.labels[0].value}] = c.Value()
		}
	}
	return values
}

func TestVecConcurrently(t *testing.T) {
	v := Must(NewCounterVec[int64, route]("c", "h", nil, Constraints[int64]{}, WithSeriesLimit(40)))
	registry := registryOf(t, v)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 2000 {
				v.With(route{"GET", strconv.Itoa((i*7 + w) % 60)}).Inc()
				if i%500 == 0 {
					page(t, registry, formats[0])
				}
			}
		})
	}
	writers.Wait()
	var sum int64
	for _, c := range v.vec.list() {
		sum += c.Value()
	}
	assert.Equal(t, int64(8*2000), sum, "nothing is lost, in whichever series it is")
	assert.Len(t, v.vec.list(), 40)
}
