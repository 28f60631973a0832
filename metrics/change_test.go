package metrics

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
)

func TestObserversByPriority(t *testing.T) {
	c := Must(NewCounter("c", "h", Labels{"app": "shop"}, Constraints[int64]{Max: new(int64(10))}))
	var told []string
	note := func(who string) func(Change[int64]) {
		return func(change Change[int64]) {
			assert.Equal(t, int64(2), change.Old)
			assert.Equal(t, int64(5), change.New)
			assert.Equal(t, "c", change.Instrument())
			assert.Equal(t, "shop", change.Label("app"))
			assert.Empty(t, change.Label("other"))
			assert.Equal(t, attribute.NewSet(attribute.String("app", "shop")), change.Attributes())
			told = append(told, who)
		}
	}
	c.Add(2)
	c.OnChange(PriorityLow, note("low"))
	c.OnChange(PriorityNormal, note("first"))
	stop := c.OnChange(PriorityCritical, note("stopped"))
	c.OnChange(PriorityCritical, note("critical"))
	c.OnChange(PriorityNormal, note("second"))
	c.OnChange(PriorityHigh, note("high"))
	stop()
	stop()
	c.Add(11) // refused: nothing changes
	c.Add(3)
	assert.Equal(t, []string{"critical", "high", "first", "second", "low"}, told)
}

func TestChangesOfEachKind(t *testing.T) {
	type change struct{ from, to float64 }
	var told []change
	note := func(c Change[float64]) { told = append(told, change{c.Old, c.New}) }

	g := Must(NewGauge[float64]("g", "h", nil, Constraints[float64]{}))
	g.OnChange(PriorityNormal, note)
	g.Set(2)
	g.Sub(0.5)
	h := Must(NewHistogram[float64]("h", "h", nil, Constraints[float64]{}))
	h.Observe(7)
	h.OnChange(PriorityNormal, note)
	h.Observe(1)
	h.Observe(4)
	s := Must(NewSummary[float64]("s", "h", nil, Constraints[float64]{}))
	s.OnChange(PriorityNormal, note)
	s.Observe(3)
	c := Must(NewCounter[float64]("c", "h", nil, Constraints[float64]{}))
	c.OnChange(PriorityNormal, note)
	c.Add(1.5)
	c.Inc()
	assert.Equal(t, []change{{0, 2}, {2, 1.5}, {0, 1}, {1, 4}, {0, 3}, {0, 1.5}, {1.5, 2.5}}, told)
}

// Who observes a Vec observes the series it has and those it will have.
func TestObserversOfAVec(t *testing.T) {
	v := Must(NewCounterVec[int64, route]("c", "h", nil, Constraints[int64]{}, WithSeriesLimit(3)))
	before := v.With(route{"GET", "200"})
	told := map[string]int64{}
	stop := v.OnChange(PriorityNormal, func(c Change[int64]) { told[c.Label("code")+c.Label("otel.metric.overflow")] += c.New - c.Old })
	before.Add(1)
	v.With(route{"GET", "404"}).Add(2)
	v.With(route{"GET", "500"}).Add(3)
	assert.Equal(t, map[string]int64{"200": 1, "404": 2, "true": 3}, told)
	stop()
	before.Add(1)
	v.With(route{"GET", "404"}).Add(2)
	assert.Equal(t, map[string]int64{"200": 1, "404": 2, "true": 3}, told)
	assert.Nil(t, before.hooks.Load(), "it costs as little as before")
}

// Each change is told once, with values that fit together, while observers come and go.
func TestObserversConcurrently(t *testing.T) {
	c := Must(NewCounter[int64]("c", "h", nil, Constraints[int64]{}))
	var mu sync.Mutex
	var sum int64
	c.OnChange(PriorityNormal, func(change Change[int64]) {
		mu.Lock()
		defer mu.Unlock()
		sum += change.New - change.Old
	})
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 1000 {
				stop := c.OnChange(PriorityHigh, func(Change[int64]) {})
				c.Add(3)
				stop()
			}
		})
	}
	writers.Wait()
	assert.Equal(t, c.Value(), sum)
}

// A series that was deleted and is still recorded to tells nobody.
func TestDeletedSeriesTellNobody(t *testing.T) {
	v := Must(NewGaugeVec[int64, route]("g", "h", nil, Constraints[int64]{Max: new(int64(9))}))
	told := 0
	stop := v.OnChange(PriorityNormal, func(Change[int64]) { told++ })
	kept := v.With(route{"GET", "200"})
	kept.Set(1)
	assert.True(t, v.Delete(route{"GET", "200"}))
	kept.Set(2)
	stop()
	kept.Set(3)
	assert.Equal(t, 1, told)
	assert.ErrorIs(t, kept.TrySet(10), ErrAboveMax)
}
