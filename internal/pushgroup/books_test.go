package pushgroup

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/exposition"
)

func TestBooksOfABatchAreThoseOfItsResources(t *testing.T) {
	in(t, func(o *Options) { o.Store.MaxSeries = 2 }, func(w *world) {
		md := pmetric.NewMetrics()
		for _, name := range []string{"a", "b", "c\xff", "d\xff"} {
			batch(name, "", "x", 1, "y", 2, "z", 3, "u", 4, "", 5).ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
		}
		added := w.engine.Add(md)
		assert.Equal(t, 4, added.Accepted)
		assert.Equal(t, map[exposition.Reason]int{exposition.ReasonMaxSeries: 4, exposition.ReasonInvalidName: 2}, added.Refused)
		assert.Equal(t, map[Reason]int{ReasonInvalidUTF8: 2}, added.Groups)
		assert.Equal(t, map[Reason]int{ReasonInvalidUTF8: 10}, added.Points)
		assert.Equal(t, 4, w.engine.Series())
		assert.Equal(t, 2, w.engine.Groups())
		assert.Positive(t, w.engine.Memory())
		synctest.Wait()
		assert.Zero(t, w.engine.Pending())
		reports := w.heard().pushed
		assert.Len(t, reports, 2)
		assert.Equal(t, 2, reports[0].Series)
		assert.Positive(t, reports[0].Bytes)
		assert.Equal(t, 1, reports[0].Requests)
	})
}

func TestDeletionThatIsRefusedIsGivenUp(t *testing.T) {
	in(t, nil, func(w *world) {
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		w.fail(answer(http.StatusForbidden))
		w.engine.Add(batch("a", "", "x", nil))
		wait(time.Hour)
		assert.Zero(t, w.engine.Groups())
		assert.Len(t, w.heard().deleted, 1)
		assert.Equal(t, OutcomePermanent, w.heard().deleted[0].Outcome)
		assert.Equal(t, 1, w.groups())
	})
}

func TestNewGroupTakesThePlaceOfOneThatWaitsForItsDeletion(t *testing.T) {
	in(t, func(o *Options) { o.MaxGroups = 1; o.TTL = time.Minute }, func(w *world) {
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		assert.Equal(t, map[Reason]int{ReasonMaxGroups: 1}, w.engine.Add(batch("b", "", "x", 1)).Groups)
		w.fail(answer(503))
		wait(5 * time.Minute)
		assert.Empty(t, w.engine.Add(batch("b", "", "x", 1)).Groups)
		assert.Equal(t, map[Reason]int{ReasonMaxGroups: 1}, w.engine.Add(batch("c", "", "x", 1)).Groups)
		assert.Equal(t, 1, w.engine.Groups())
		deleted := w.heard().deleted
		assert.Equal(t, OutcomeCanceled, deleted[len(deleted)-1].Outcome)
		w.fail(nil)
		wait(20 * time.Second)
		assert.Equal(t, 2, w.groups()) // a is nobody's now
	})
}

// TestFailedDeletionsWaitWithoutRetry: nothing comes at once again, whatever fails.
func TestFailedDeletionsWaitWithoutRetry(t *testing.T) {
	in(t, func(o *Options) { o.Retry.Enabled = false; o.TTL = time.Minute }, func(w *world) {
		w.engine.Add(batch("a", "", "x", 1))
		w.engine.Add(batch("b", "", "x", 1))
		synctest.Wait()
		w.fail(answer(503))
		w.engine.Add(batch("a", "", "x", nil))
		wait(10 * time.Minute)
		assert.InDelta(t, 120, len(w.asked()), 15)
		assert.Equal(t, 2, w.engine.Groups())
	})
}

// TestPointsDuringADeletionAreOwned: what is pushed after it is deleted in its turn.
func TestPointsDuringADeletionAreOwned(t *testing.T) {
	in(t, nil, func(w *world) {
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		w.fail(func(*http.Request) (*reply, error) {
			time.Sleep(5 * time.Second)
			return nil, nil
		})
		w.engine.Add(batch("a", "", "x", nil))
		wait(11 * time.Second)
		w.engine.Add(batch("a", "", "y", 1))
		w.fail(nil)
		wait(20 * time.Second)
		w.has(`{__name__="y", instance="", job="a"} 1`)
		assert.Equal(t, []string{"PUT /job/a", "DELETE /job/a", "PUT /job/a"}, w.asked())
		w.engine.Add(batch("a", "", "y", nil))
		wait(20 * time.Second)
		assert.Zero(t, w.groups())
	})
}

// lingering ends turns late.
type lingering struct {
	*world
	after time.Duration
}

func (l lingering) Begin(ctx context.Context, _ string) (context.Context, func(error)) {
	return ctx, func(error) { time.Sleep(l.after) }
}

// TestMarkersDuringATurnOwnNothing: the group of an earlier engine is left alone for as long as nothing comes but markers
// that its series have ended, whenever they come.
func TestMarkersDuringATurnOwnNothing(t *testing.T) {
	in(t, nil, func(w *world) {
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		require.NoError(t, w.engine.Shutdown(w.ctx()))
		w.engine = New(w.engine.opts, lingering{w, 5 * time.Second})
		w.engine.Start(w.ctx(), &http.Client{Transport: w})
		w.asked()
		w.engine.Add(batch("a", "", "x", nil))
		wait(time.Second)
		w.engine.Add(batch("a", "", "x", nil))
		wait(time.Minute)
		assert.Empty(t, w.asked())
		assert.Zero(t, w.engine.Groups())
		w.has(`{__name__="x", instance="", job="a"} 1`)
	})
}

// TestMarkersDuringADeletionDeleteNothing: what has been deleted is not deleted again.
func TestMarkersDuringADeletionDeleteNothing(t *testing.T) {
	in(t, nil, func(w *world) {
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		w.fail(func(*http.Request) (*reply, error) {
			time.Sleep(5 * time.Second)
			return nil, nil
		})
		w.engine.Add(batch("a", "", "x", nil))
		wait(11 * time.Second)
		w.engine.Add(batch("a", "", "x", nil))
		wait(time.Minute)
		assert.Equal(t, []string{"PUT /job/a", "DELETE /job/a"}, w.asked())
		assert.Zero(t, w.groups())
	})
}

func TestEmptiedGroupThatCannotBeDeletedIsTriedAgain(t *testing.T) {
	in(t, nil, func(w *world) {
		w.engine.Add(batch("a", "", "x", 1))
		synctest.Wait()
		w.fail(answer(503))
		w.engine.Add(batch("a", "", "x", nil))
		wait(time.Hour)
		assert.Equal(t, 1, w.engine.Groups())
		assert.Equal(t, 1, w.engine.Pending())
		w.fail(nil)
		wait(time.Minute)
		assert.Zero(t, w.groups())
		assert.Zero(t, w.engine.Groups())
	})
}
