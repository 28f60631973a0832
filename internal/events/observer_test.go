package events

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"

	"github.com/sluice-metrics/sluice/internal/dispatch"
	"github.com/sluice-metrics/sluice/priority"
)

var encoder = attribute.DefaultEncoder()

const all = Kinds(1<<Created | 1<<Updated | 1<<Removed | 1<<Changed | 1<<Reset)

func TestLifeOfASeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, _ := hook(t, o, Settings{On: all})
		p := point{metric: "up", series: "a", value: 1, at: 1}
		o.Publish(t.Context(), batch(p))
		p.value, p.at = 0, 2
		o.Publish(t.Context(), batch(p))
		o.Publish(t.Context(), batch(p)) // again: nothing new
		p.value, p.at = 7, 1
		o.Publish(t.Context(), batch(p)) // late
		p.value, p.at = 0, 3
		o.Publish(t.Context(), batch(p)) // the same value
		p.stale, p.at = true, 4
		o.Publish(t.Context(), batch(p))
		o.Publish(t.Context(), batch(p)) // unknown by now
		p.stale, p.value, p.at = false, 5, 5
		o.Publish(t.Context(), batch(p))
		synctest.Wait()
		assert.Equal(t, []string{
			"created up{series=a} NaN>1", "updated up{series=a} 1>0", "removed up{series=a} 0>NaN stale", "created up{series=a} NaN>5",
		}, b.lines())
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{"removed up{series=a} 5>NaN expired"}, b.lines())
		assert.Zero(t, o.Series())
		assert.Zero(t, o.places.Load())
	})
}

func TestEventsCarryIdentityTimesAndNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, _ := hook(t, o, Settings{On: KindsOf(Created, Updated)})
		md := pmetric.NewMetrics()
		rm := md.ResourceMetrics().AppendEmpty()
		rm.SetSchemaUrl("resource schema")
		rm.Resource().Attributes().PutStr("service.name", "shop")
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.SetSchemaUrl("scope schema")
		sm.Scope().SetName("lib")
		sm.Scope().SetVersion("1")
		sm.Scope().Attributes().PutBool("fast", true)
		m := sm.Metrics().AppendEmpty()
		m.SetName("requests")
		m.SetUnit("1")
		m.SetDescription("How many.")
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		p := m.Sum().DataPoints().AppendEmpty()
		p.Attributes().PutStr("route", "/pay")
		p.Attributes().PutInt("code", 200)
		p.SetStartTimestamp(5)
		p.SetTimestamp(10)
		p.SetIntValue(math.MaxInt64 - 1)
		o.Publish(t.Context(), md)
		p.SetTimestamp(20)
		p.SetIntValue(math.MaxInt64)
		o.Publish(t.Context(), md)
		md.ResourceMetrics().At(0).Resource().Attributes().PutStr("service.name", "spoilt") // the batch is its owner's again
		p.Attributes().PutStr("route", "spoilt")
		m.SetName("spoilt")
		synctest.Wait()
		list := b.take()
		require.Len(t, list, 2)
		e := list[1]
		assert.Equal(t, "requests", e.Metric.Name)
		assert.Equal(t, &Resource{SchemaURL: "resource schema", Attributes: attribute.NewSet(attribute.String("service.name", "shop"))}, e.Metric.Resource)
		assert.Equal(t, &Scope{
			SchemaURL: "scope schema", Name: "lib", Version: "1", Attributes: attribute.NewSet(attribute.Bool("fast", true)),
		}, e.Metric.Scope)
		assert.Equal(t, &Descriptor{
			Type: pmetric.MetricTypeSum, Unit: "1", Description: "How many.", Temporality: pmetric.AggregationTemporalityCumulative, Monotonic: true,
		}, e.Metric.Descriptor)
		assert.Equal(t, attribute.NewSet(attribute.String("route", "/pay"), attribute.Int("code", 200)), e.Metric.Attributes)
		assert.Same(t, list[0].Metric.Series, e.Metric.Series, "rendered once")
		assert.Equal(t, []uint64{1, 2}, []uint64{list[0].Metric.Sequence, e.Metric.Sequence})
		old, isInt := e.Old.Int()
		assert.True(t, isInt)
		assert.Equal(t, int64(math.MaxInt64-1), old, "integers are exact")
		assert.Equal(t, []uint64{10, 20, 5}, []uint64{uint64(e.Old.Timestamp), uint64(e.New.Timestamp), uint64(e.New.StartTimestamp)})
	})
}

func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, _ := hook(t, o, Settings{On: KindsOf(Reset)})
		p := point{metric: "c", counter: true}
		for i, v := range []struct {
			value float64
			start int
		}{{5, 1}, {7, 1}, {2, 1}, {3, 1}, {9, 6}, {10, 6}} {
			p.value, p.start, p.at = v.value, v.start, i+10
			o.Publish(t.Context(), batch(p))
		}
		p.counter = false
		p.metric = "gauge"
		p.at++
		o.Publish(t.Context(), batch(p))
		p.value--
		p.at++
		o.Publish(t.Context(), batch(p))
		synctest.Wait()
		assert.Equal(t, []string{"reset c 7>2", "reset c 3>9"}, b.lines())
	})
}

func TestHistogramsAndSummaries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, _ := hook(t, o, Settings{On: all})
		md := pmetric.NewMetrics()
		ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
		h, x, s := ms.AppendEmpty(), ms.AppendEmpty(), ms.AppendEmpty()
		h.SetName("h")
		h.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		hp := h.Histogram().DataPoints().AppendEmpty()
		x.SetName("x")
		x.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		xp := x.ExponentialHistogram().DataPoints().AppendEmpty()
		s.SetName("s")
		sp := s.SetEmptySummary().DataPoints().AppendEmpty()
		for i, count := range []uint64{1, 3, 2} {
			for _, p := range []interface {
				SetCount(uint64)
				SetSum(float64)
			}{hp, xp, sp} {
				p.SetCount(count)
				p.SetSum(float64(count) / 2)
			}
			at := seconds(i + 1)
			hp.SetTimestamp(at)
			xp.SetTimestamp(at)
			sp.SetTimestamp(at)
			o.Publish(t.Context(), md)
		}
		synctest.Wait()
		assert.ElementsMatch(t, []string{
			"created h NaN>0.5", "updated h 0.5>1.5", "reset h 1.5>1", "updated h 1.5>1",
			"created x NaN>0.5", "updated x 0.5>1.5", "reset x 1.5>1", "updated x 1.5>1",
			"created s NaN>0.5", "updated s 0.5>1.5", "reset s 1.5>1", "updated s 1.5>1",
		}, b.lines())
	})
}

func TestThresholdWithHysteresisAndFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, _ := hook(t, o, Settings{On: KindsOf(Threshold), Threshold: &Bound{Limit: 1000, Clear: 800, For: 30 * time.Second}})
		for i, v := range []float64{900, 1500, 1500, 900, 1500, 1200, math.NaN(), 1300, 1400, 900, 1100, 800, 1001} {
			o.Publish(t.Context(), batch(point{metric: "queue", value: v, at: 100 + 10*i}))
		}
		synctest.Wait()
		assert.Equal(t, []string{"threshold queue NaN>1300 firing=true", "threshold queue 1100>800 firing=false"}, b.lines())
	})
}

// up that is 0 when it is seen first fires, and is over when the target is gone.
func TestThresholdOfANewSeriesAndOfOneThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, _ := hook(t, o, Settings{On: KindsOf(Threshold), Threshold: &Bound{Below: true, Limit: 1, Clear: 1}})
		o.Publish(t.Context(), batch(point{metric: "up", at: 1}, point{metric: "up", series: "b", at: 1}))
		o.Publish(t.Context(), batch(point{metric: "up", at: 2, stale: true}))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Equal(t, []string{
			"threshold up NaN>0 firing=true", "threshold up{series=b} NaN>0 firing=true",
			"threshold up 0>NaN firing=false stale", "threshold up{series=b} 0>NaN firing=false expired",
		}, b.lines())
	})
}

func TestCardinality(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, _ := hook(t, o, Settings{On: KindsOf(Cardinality), Cardinality: &Bound{Limit: 3, Clear: 2}})
		for i, target := range []string{"a", "b", "a", "b", "a"} { // whatever the target
			o.Publish(t.Context(), batch(point{target: target, metric: "m", series: strconv.Itoa(i), at: 1}, point{metric: "other", at: i + 1}))
		}
		synctest.Wait()
		assert.Equal(t, []string{"cardinality m 3>4 firing=true"}, b.lines())
		for i, target := range []string{"a", "b", "a"} {
			o.Publish(t.Context(), batch(point{target: target, metric: "m", series: strconv.Itoa(i), at: 2, stale: true}))
		}
		synctest.Wait()
		assert.Equal(t, []string{"cardinality m 3>2 firing=false"}, b.lines())
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		assert.Empty(t, o.Hooks()[0].counts.names, "nothing is kept of what is gone")
	})
}

func TestChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, _ := hook(t, o, Settings{On: KindsOf(Changed, Updated)})
		md := batch(point{metric: "m", at: 1})
		o.Publish(t.Context(), md)
		m := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
		m.SetUnit("s")
		m.Gauge().DataPoints().At(0).SetTimestamp(seconds(2))
		m.Gauge().DataPoints().At(0).SetDoubleValue(3)
		o.Publish(t.Context(), md)
		synctest.Wait()
		list := b.take()
		require.Len(t, list, 2)
		assert.Equal(t, Changed, list[0].Metric.Kind)
		assert.Empty(t, list[0].Metric.Previous.Unit)
		assert.Equal(t, "s", list[0].Metric.Unit)
		assert.Equal(t, "s", list[1].Metric.Unit, "events of its series say so, too")

		two := batch(point{metric: "m", at: 3}) // two metrics of one name in a batch are no change
		m.MoveTo(two.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty())
		two.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().RemoveIf(func(m pmetric.Metric) bool { return m.Name() == "" })
		o.Publish(t.Context(), two)
		synctest.Wait()
		changes := 0
		for _, e := range b.take() {
			if e.Metric.Kind == Changed {
				changes++
			}
		}
		assert.LessOrEqual(t, changes, 1)
	})
}

// The memory of series is bounded, and has room again when they are gone.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, _ := hook(t, o, Settings{On: KindsOf(Created)})
		for i := range 500 {
			o.Publish(t.Context(), batch(point{target: strconv.Itoa(i % 3), metric: "m", series: strconv.Itoa(i), at: 1}))
		}
		for i := range 500 {
			o.Publish(t.Context(), batch(point{target: strconv.Itoa(i), metric: "m" + strconv.Itoa(i), at: 1}))
		}
		synctest.Wait()
		assert.Len(t, b.lines(), 100)
		assert.Equal(t, int64(100), o.Series())
		assert.Equal(t, int64(400), o.places.Load())
		assert.Positive(t, o.Refused())
		time.Sleep(3 * time.Minute)
		o.Publish(t.Context(), batch(point{metric: "m", at: 1}))
		synctest.Wait()
		assert.Len(t, b.lines(), 1)
		assert.Equal(t, int64(1), o.Series())
	})
}

func TestDebounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		b, h := hook(t, o, Settings{On: KindsOf(Created, Updated, Removed), Debounce: 10 * time.Second})
		publish := func(at int, value float64) { o.Publish(t.Context(), batch(point{metric: "m", value: value, at: at})) }
		publish(1, 1)
		publish(2, 2) // of another kind than the first: the window is that of updates now
		publish(3, 3)
		publish(4, 4)
		synctest.Wait()
		assert.Equal(t, []string{"created m NaN>1", "updated m 1>2"}, b.lines())
		time.Sleep(11 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"updated m 2>4 merged=1"}, b.lines())
		publish(5, 5) // still within the window that began with the last event
		o.Publish(t.Context(), batch(point{metric: "m", at: 6, stale: true}))
		synctest.Wait()
		assert.Equal(t, []string{"updated m 4>5", "removed m 5>NaN stale"}, b.lines(), "what waits is not overtaken")
		publish(7, 7)
		closed(t, o)
		assert.Equal(t, []string{"created m NaN>7"}, b.lines())
		assert.Equal(t, h.Lane().Published(), h.Lane().Delivered()+h.Lane().Dropped(dispatch.Debounced))
		assert.Equal(t, int64(1), h.Lane().Dropped(dispatch.Debounced))
	})
}

// Hooks come and go while series stay.
func TestHooksComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		set := Settings{On: KindsOf(Threshold), Threshold: &Bound{Limit: 10, Clear: 5}}
		first, _ := hook(t, o, set)
		o.Publish(t.Context(), batch(point{metric: "m", value: 11, at: 1}))
		second, h := hook(t, o, Settings{On: KindsOf(Updated, Cardinality), Cardinality: &Bound{Limit: 0, Clear: 0}})
		o.Publish(t.Context(), batch(point{metric: "m", value: 12, at: 2}))
		synctest.Wait()
		o.Remove(h)
		o.Remove(h)
		o.Publish(t.Context(), batch(point{metric: "m", value: 4, at: 3}))
		synctest.Wait()
		assert.Equal(t, []string{"threshold m NaN>11 firing=true", "threshold m 12>4 firing=false"}, first.lines(), "its state outlives the others' coming and going")
		assert.Equal(t, []string{"cardinality m 0>1 firing=true", "updated m 11>12"}, second.lines())
		assert.Len(t, o.Hooks(), 1)
	})
}

// cond is a matcher of a test.
type cond struct {
	metric func(*Candidate) Verdict
	point  func(*Candidate) bool
}

func (c cond) Metric(x *Candidate) Verdict { return c.metric(x) }
func (c cond) Point(x *Candidate) bool     { return c.point(x) }

func TestMatchIsAskedOncePerSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		metrics, points, filtered := 0, 0, 0
		b, _ := hook(t, o, Settings{
			On: KindsOf(Updated),
			Match: cond{
				func(c *Candidate) Verdict {
					metrics++
					if strings.HasPrefix(c.Metric.Name(), "no") {
						return No
					}
					return ByPoint
				},
				func(c *Candidate) bool {
					points++
					md := c.One()
					v, _ := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0).Attributes().Get("series")
					return v.Str() != "not"
				},
			},
			Filter: func(s *Series) bool {
				filtered++
				v, _ := s.Attributes.Value("series")
				return v.AsString() == "yes"
			},
		})
		for at := range 5 {
			o.Publish(t.Context(), batch(
				point{metric: "m", series: "yes", value: float64(at), at: at + 1}, point{metric: "m", series: "not", value: float64(at), at: at + 1},
				point{metric: "m", series: "other", value: float64(at), at: at + 1}, point{metric: "no", series: "yes", value: float64(at), at: at + 1},
			))
		}
		synctest.Wait()
		assert.Len(t, b.lines(), 4)
		assert.Equal(t, []int{3, 2}, []int{points, filtered})
		assert.Equal(t, 2+3, metrics, "once per metric, once per series")
		assert.Equal(t, int64(3), o.Series())
	})
}

// projector is a matcher on one attribute, which says how often it is asked.
type projector struct {
	want  string
	asked *int
}

func (projector) Metric(*Candidate) Verdict { return ByPoint }

func (p projector) Point(c *Candidate) bool {
	*p.asked++
	v, _ := c.Attributes.Get("series")
	return v.Str()[:1] == p.want
}

func (projector) Project(dst []byte, attrs pcommon.Map) []byte {
	v, _ := attrs.Get("series")
	return append(dst, v.Str()[0])
}

// Where conditions read some attributes only, series that no hook is for take no room.
func TestSeriesThatNoHookIsForTakeNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		asked := 0
		a, h := hook(t, o, Settings{On: KindsOf(Created), Match: projector{"a", &asked}})
		b, _ := hook(t, o, Settings{On: KindsOf(Created), Match: projector{"b", &asked}})
		for at := range 2 {
			for i := range 300 {
				letter := string(rune('a' + i%10))
				o.Publish(t.Context(), batch(point{metric: "m", series: letter + strconv.Itoa(i), value: float64(at), at: at + 1}))
			}
		}
		synctest.Wait()
		assert.Len(t, a.lines(), 30)
		assert.Len(t, b.lines(), 30)
		assert.Equal(t, int64(60), o.Series())
		assert.Zero(t, o.Refused())
		assert.Equal(t, 1+2*9+2*60, asked, "once per value until one says yes, and once per series that is remembered")
		o.Remove(h)
		o.Publish(t.Context(), batch(point{metric: "m", series: "a-new", at: 9}, point{metric: "m", series: "b-new", at: 9}))
		synctest.Wait()
		assert.Equal(t, []string{"created m{series=b-new} NaN>0"}, b.lines())
		assert.Empty(t, a.lines())
		time.Sleep(3 * time.Minute)
		assert.Zero(t, o.places.Load())
		assert.Zero(t, o.Series())
	})
}

func TestPanicOfAMatcherIsNoMatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observer(t)
		var broken []error
		note := func(err error) { broken = append(broken, err) }
		b1, _ := hook(t, o, Settings{On: all, Broken: note, Match: cond{metric: func(*Candidate) Verdict { panic("oh") }}})
		b2, _ := hook(t, o, Settings{On: all, Broken: note, Filter: func(*Series) bool { panic("oh") }})
		b3, _ := hook(t, o, Settings{On: all})
		o.Publish(t.Context(), batch(point{metric: "m", at: 1}))
		synctest.Wait()
		assert.Empty(t, b1.lines())
		assert.Empty(t, b2.lines())
		assert.Len(t, b3.lines(), 1)
		assert.Len(t, broken, 2)
	})
}

// A hook whose effect changes the metric is not told of it, and one that hides it is bounded.
func TestSelfLoopsDoNotRunAway(t *testing.T) {
	for name, hidden := range map[string]bool{"plain": false, "hidden": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := observer(t)
				var at, told atomic.Int64
				publish := func(ctx context.Context, n int) {
					for range n {
						at := int(at.Add(1))
						o.Publish(ctx, batch(point{metric: "m", value: float64(at), at: at}))
					}
				}
				_, h := hook(t, o, Settings{On: KindsOf(Updated), Lane: dispatch.Settings[Event]{
					Priority: priority.Low, Size: 10, Timeout: time.Second,
					Deliver: func(ctx context.Context, _ []Event) error {
						told.Add(1)
						if hidden {
							ctx = context.Background()
							time.Sleep(100 * time.Millisecond) // it goes round through the outside
						}
						publish(ctx, 2) // doubles each time
						return nil
					},
				}})
				b, _ := hook(t, o, Settings{On: KindsOf(Updated), Lane: dispatch.Settings[Event]{Priority: priority.High}})
				publish(t.Context(), 2)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				lane := h.Lane()
				assert.LessOrEqual(t, lane.Waiting(), int64(10))
				if !hidden {
					assert.Equal(t, int64(1), told.Load())
					assert.Equal(t, int64(2), lane.Dropped(dispatch.Looped))
				} else {
					assert.LessOrEqual(t, told.Load(), int64(101), "as fast as it works, no faster")
				}
				assert.Len(t, b.lines(), int(at.Load())-1, "the others are told of all")
			})
		})
	}
}

func TestAddRefusesWhatDoesNotFit(t *testing.T) {
	o := New(options())
	defer closed(t, o)
	for _, set := range []Settings{{}, {On: KindsOf(Threshold)}, {On: KindsOf(Cardinality)}, {On: KindsOf(Updated), Threshold: &Bound{}}} {
		_, err := o.Add(set)
		require.Error(t, err)
	}
}

func TestCloseReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := New(options())
		o.Start()
		_, _ = hook(t, o, Settings{On: KindsOf(Created), Lane: dispatch.Settings[Event]{Name: "slow", Deliver: func(ctx context.Context, _ []Event) error {
			<-ctx.Done()
			return errors.New("late")
		}}})
		o.Publish(t.Context(), batch(point{metric: "a", at: 1}, point{metric: "b", at: 1}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.Equal(t, []dispatch.Report{{Name: "slow", Dropped: 2}}, o.Close(ctx))
		assert.Empty(t, o.Close(ctx))
		o.Publish(t.Context(), batch(point{metric: "c", at: 1}))
		assert.Equal(t, int64(3), o.Hooks()[0].Lane().Dropped(dispatch.Stopped))
	})
}

func TestKindsAsText(t *testing.T) {
	for k := range kinds {
		text, err := k.MarshalText()
		require.NoError(t, err)
		var read Kind
		require.NoError(t, read.UnmarshalText(text))
		assert.Equal(t, k, read)
	}
	var k Kind
	require.EqualError(t, k.UnmarshalText([]byte("new")), `"new" is none of created, updated, removed, threshold, changed, reset, cardinality`)
}
