package events

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sluice-metrics/sluice/internal/dispatch"
)

// TestDebounceLosesNoState lets two series change, end and begin anew at random: of each the events come in order, those that
// do not come are replaced by a later one of their kind, the last one always comes, and all are accounted for.
func TestDebounceLosesNoState(t *testing.T) {
	type change struct {
		series, pause int
		stale         bool
	}
	rapid.Check(t, func(rt *rapid.T) {
		changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
			return change{rapid.IntRange(0, 1).Draw(t, "series"), rapid.IntRange(0, 1500).Draw(t, "pause"), rapid.IntRange(0, 4).Draw(t, "stale") == 0}
		}), 1, 40).Draw(rt, "changes")
		synctest.Test(t, func(t *testing.T) {
			o := New(options())
			plain, _ := hook(t, o, Settings{On: KindsOf(Created, Updated, Removed)})
			b, h := hook(t, o, Settings{On: KindsOf(Created, Updated, Removed), Debounce: time.Second})
			for i, c := range changes {
				o.Publish(t.Context(), batch(point{metric: "m", series: strconv.Itoa(c.series), value: float64(i), at: i + 1, stale: c.stale}))
				time.Sleep(time.Duration(c.pause) * time.Millisecond)
			}
			synctest.Wait()
			closed(t, o)
			all, got := plain.take(), b.take()
			for _, series := range []string{"0", "1"} {
				everything, delivered := ofSeries(all, series), ofSeries(got, series)
				i := 0
				for _, e := range delivered {
					for everything[i].New != e.New || everything[i].Metric.Kind != e.Metric.Kind {
						require.Equal(t, e.Metric.Kind, everything[i].Metric.Kind, "replaced by one of its kind")
						i++
					}
					i++
				}
				require.Len(t, everything, i, "the last one comes")
			}
			lane := h.Lane()
			require.Equal(t, int64(len(all)), lane.Published())
			require.Equal(t, lane.Published(), lane.Delivered()+lane.Dropped(dispatch.Debounced))
		})
	})
}

func ofSeries(list []Event, series string) (of []Event) {
	for _, e := range list {
		if v, _ := e.Metric.Attributes.Value("series"); v.AsString() == series {
			of = append(of, e)
		}
	}
	return of
}
