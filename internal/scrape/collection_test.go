package scrape

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func collecting(c Collection) func(*Settings) {
	return func(s *Settings) { s.Collections = map[string]Collection{"own": c} }
}

func oneGauge() pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(1)
	return md
}

func TestCollections(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "m", Help: "A number."}, func() float64 { return 1 }))
	failing := func(md pmetric.Metrics, err error) func(context.Context) (pmetric.Metrics, error) {
		return func(context.Context) (pmetric.Metrics, error) { return md, err }
	}
	for name, tt := range map[string]struct {
		Collection
		up, points int
		outcome    Outcome
	}{
		"function": {Collection{Collect: failing(oneGauge(), nil)}, 1, 1, OK},
		"gatherer": {Collection{Gatherer: registry}, 1, 1, OK},
		"nothing":  {Collection{Collect: failing(pmetric.Metrics{}, nil)}, 1, 0, OK},
		"error":    {Collection{Collect: failing(oneGauge(), errors.New("broken"))}, 0, 0, Unreachable},
		"panic":    {Collection{Collect: func(context.Context) (pmetric.Metrics, error) { panic("broken") }}, 0, 0, Unreachable},
		"timeout": {Collection{Timeout: time.Second, Collect: func(ctx context.Context) (pmetric.Metrics, error) {
			<-ctx.Done()
			return pmetric.Metrics{}, ctx.Err()
		}}, 0, 0, Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.Interval = 10 * time.Second
				w := newWorld(t, collecting(tt.Collection))
				defer w.stop()
				w.scrape("")
				w.untilScraped("own")
				synctest.Wait()
				assert.InDelta(t, tt.up, w.got("up")[0].value, 0)
				assert.Len(t, w.got("m"), tt.points)
				assert.InDelta(t, tt.points, w.got("scrape_samples_scraped")[0].value, 0)
				assert.Equal(t, map[Outcome]int{tt.outcome: 1}, w.outcomes())
			})
		})
	}
}

func TestACollectionIsPassedOnInParts(t *testing.T) {
	for name, readOnly := range map[string]bool{"of its own": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				md := oneGauge()
				points := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints()
				for range 9 {
					points.AppendEmpty().SetDoubleValue(1)
				}
				if readOnly {
					md.MarkReadOnly()
				}
				var sizes []int
				w := newWorld(t, collecting(Collection{Interval: 10 * time.Second, Collect: func(context.Context) (pmetric.Metrics, error) {
					if readOnly {
						return md, nil
					}
					own := pmetric.NewMetrics()
					md.CopyTo(own)
					return own, nil
				}}), protect(Protection{BatchSize: 4}), func(s *Settings) {
					s.Consume = func(_ context.Context, md pmetric.Metrics) error {
						sizes = append(sizes, md.DataPointCount())
						return nil
					}
				})
				defer w.stop()
				w.scrape("")
				time.Sleep(20*time.Second - time.Nanosecond)
				synctest.Wait()
				assert.Equal(t, []int{4, 4, 2, 4, 1, 4, 4, 2, 4, 1}, sizes, "with the report")
			})
		})
	}
}

func TestACollectionIsUnderBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(press(Adaptive)), collecting(Collection{
			Interval: 10 * time.Second, Collect: func(context.Context) (pmetric.Metrics, error) { return oneGauge(), nil },
		}))
		defer w.stop()
		most := int64(0)
		w.consumes(func(context.Context) error {
			most = max(most, w.Load().Buffered)
			time.Sleep(4 * time.Second)
			return nil
		})
		w.scrape("")
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		assert.Equal(t, int64(5), most)
		assert.Greater(t, w.Load().Stretch, 2.0)
	})
}
