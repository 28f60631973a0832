package dispatch

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/priority"
)

// book writes down what is delivered, in order.
type book struct {
	mu     sync.Mutex
	events []int
	sizes  []int
}

func (b *book) deliver(_ context.Context, events []int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, events...)
	b.sizes = append(b.sizes, len(events))
	return nil
}

func (b *book) read() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]int(nil), b.events...)
}

func (b *book) batches() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]int(nil), b.sizes...)
}

func numbers(from, to int) []int {
	var list []int
	for i := from; i <= to; i++ {
		list = append(list, i)
	}
	return list
}

func (d *Dispatcher[E]) closed(t *testing.T) []Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := d.Close(ctx)
	assert.Nil(t, d.Close(ctx))
	return r
}

func dropped[E any](l *Lane[E]) map[string]int64 {
	m := map[string]int64{}
	for _, r := range Reasons() {
		if n := l.Dropped(r); n > 0 {
			m[r.String()] = n
		}
	}
	return m
}

func TestEventsArriveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 4}), &book{}
		l := d.Add(Settings[int]{Name: "l", Deliver: b.deliver, Size: 1000})
		for i := range 200 {
			l.Push(t.Context(), []int{i})
		}
		synctest.Wait()
		assert.Equal(t, numbers(0, 199), b.read())
		assert.Equal(t, int64(200), l.Delivered())
		assert.Zero(t, l.Waiting())
		assert.Empty(t, d.closed(t))
		l.Push(t.Context(), []int{1, 2})
		assert.Equal(t, map[string]int64{"shutdown": 2}, dropped(l))
	})
}

// plug occupies the only worker until it is pulled.
func plug(t *testing.T, d *Dispatcher[int]) (pull func()) {
	t.Helper()
	block := make(chan struct{})
	l := d.Add(Settings[int]{Name: "plug", Priority: priority.Critical, Size: 1, Deliver: func(context.Context, []int) error {
		<-block
		return nil
	}})
	l.Push(t.Context(), []int{0})
	synctest.Wait()
	return func() { close(block) }
}

func TestHigherPrioritiesOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1}), &book{}
		pull := plug(t, d)
		all := priority.All()
		for i, p := range slices.Backward(all) { // the lowest is queued first
			d.Add(Settings[int]{Priority: p, Deliver: b.deliver, Size: 10}).Push(t.Context(), []int{i, i})
		}
		pull()
		synctest.Wait()
		assert.Equal(t, []int{0, 0, 1, 1, 2, 2, 3, 3}, b.read())
		d.closed(t)
	})
}

// Events of a low priority that a worker has taken already are overtaken, too.
func TestHigherPrioritiesOvertakeWhatIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1}), &book{}
		high := d.Add(Settings[int]{Priority: priority.High, Deliver: b.deliver, Size: 10})
		low := d.Add(Settings[int]{Priority: priority.Low, Size: 10, Deliver: func(ctx context.Context, e []int) error {
			if e[0] == 2 {
				high.Push(ctx, []int{100, 101})
			}
			return b.deliver(ctx, e)
		}})
		low.Push(t.Context(), numbers(1, 5))
		synctest.Wait()
		assert.Equal(t, []int{1, 2, 100, 101, 3, 4, 5}, b.read())
		d.closed(t)
	})
}

// What hangs, whatever its priority, costs others no more than patience, once, though there is one worker only.
func TestWhatHangsDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1}), &book{}
		block := make(chan struct{})
		for range 3 {
			d.Add(Settings[int]{Name: "hangs", Priority: priority.Critical, Size: 10, Deliver: func(context.Context, []int) error {
				<-block
				return nil
			}}).Push(t.Context(), []int{1, 2, 3})
		}
		low := d.Add(Settings[int]{Priority: priority.Low, Deliver: b.deliver, Size: 10})
		low.Push(t.Context(), []int{1})
		time.Sleep(60 * time.Millisecond) // three times patience and a half, and some
		synctest.Wait()
		assert.Equal(t, []int{1}, b.read())
		low.Push(t.Context(), []int{2})
		synctest.Wait() // not even patience now
		assert.Equal(t, []int{1, 2}, b.read())
		assert.Equal(t, 4, d.Workers(), "three that hang, and one")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		reports := d.Close(ctx)
		assert.Equal(t, time.Second+farewell, time.Since(began))
		for i := range 3 {
			assert.Equal(t, Report{Name: "hangs", Priority: priority.Critical, Dropped: 3, Hangs: true}, reports[i])
		}
		close(block)
		synctest.Wait()
		for l := range d.Lanes() {
			assert.Equal(t, l.Published(), l.Delivered()+l.Dropped(Stopped), "nothing is counted twice when they return")
		}
	})
}

func TestWhatFailsDelaysNobodyAndIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1}), &book{}
		var errs []error
		failing := func(name string, timeout time.Duration, f func(ctx context.Context) error) *Lane[int] {
			return d.Add(Settings[int]{
				Name: name, Priority: priority.High, Size: 10, Timeout: timeout,
				Deliver: func(ctx context.Context, _ []int) error { return f(ctx) },
				Failed:  func(err error, _ Reason, _ int) { errs = append(errs, err) },
			})
		}
		lanes := []*Lane[int]{
			failing("error", 0, func(context.Context) error { return errors.New("no") }),
			failing("panic", 0, func(context.Context) error { panic("oh") }),
			failing("timeout", time.Millisecond, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }),
			failing("rejected", 0, func(context.Context) error { return Permanent(errors.New("bad")) }),
		}
		low := d.Add(Settings[int]{Priority: priority.Low, Deliver: b.deliver, Size: 10})
		low.Push(t.Context(), []int{1})
		for _, l := range lanes {
			l.Push(t.Context(), []int{1, 2})
		}
		time.Sleep(3 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []int{1}, b.read())
		for _, l := range lanes {
			assert.Equal(t, map[string]int64{l.Name(): 2}, dropped(l))
		}
		assert.Len(t, errs, 8)
		d.closed(t)
	})
}

func TestWhoEndsItsGoroutineEndsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New[int](Options{MinWorkers: 1, MaxWorkers: 1})
		l := d.Add(Settings[int]{Size: 10, Deliver: func(context.Context, []int) error {
			runtime.Goexit()
			return nil
		}})
		l.Push(t.Context(), []int{1, 2, 3})
		synctest.Wait()
		assert.Equal(t, map[string]int64{"panic": 3}, dropped(l))
		d.closed(t)
		assert.Zero(t, d.Workers())
	})
}

func TestOverflow(t *testing.T) {
	for _, tt := range []struct {
		policy Overflow
		want   []int
	}{
		{DropOldest, []int{5, 6, 7}},
		{DropNewest, []int{1, 2, 3}},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1, Patience: time.Hour}), &book{}
			pull := plug(t, d)
			l := d.Add(Settings[int]{Deliver: b.deliver, Size: 3, OnOverflow: tt.policy})
			l.Push(t.Context(), []int{1, 2})
			l.Push(t.Context(), []int{3, 4, 5, 6, 7})
			pull()
			synctest.Wait()
			assert.Equal(t, tt.want, b.read())
			assert.Equal(t, map[string]int64{"overflow": 4}, dropped(l))
			d.closed(t)
		})
	}
}

func TestBlockWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1}), &book{}
		l := d.Add(Settings[int]{Size: 2, OnOverflow: Block, BlockTimeout: time.Second, Deliver: func(ctx context.Context, e []int) error {
			time.Sleep(100 * time.Millisecond)
			return b.deliver(ctx, e)
		}})
		began := time.Now()
		l.Push(t.Context(), numbers(1, 6))
		assert.Equal(t, 400*time.Millisecond, time.Since(began))
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, numbers(1, 6), b.read())
		assert.Empty(t, dropped(l))
		d.closed(t)
	})
}

// A receiver that hangs is waited for once, and again when it has taken something.
func TestBlockIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New[int](Options{MinWorkers: 1, MaxWorkers: 1})
		block := make(chan struct{})
		l := d.Add(Settings[int]{Size: 2, OnOverflow: Block, BlockTimeout: time.Second, Deliver: func(context.Context, []int) error {
			<-block
			return nil
		}})
		push := func() time.Duration {
			began := time.Now()
			l.Push(t.Context(), []int{1, 2, 3})
			return time.Since(began)
		}
		assert.Equal(t, time.Second, push())
		assert.Zero(t, push())
		assert.Equal(t, map[string]int64{"overflow": 4}, dropped(l))
		block <- struct{}{}
		synctest.Wait()
		assert.Equal(t, time.Second, push())
		close(block)
		d.closed(t)
	})
}

// A receiver that publishes to itself, and blocks, waits for its own worker: not for ever.
func TestSelfLoopThatBlocksIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New[int](Options{MinWorkers: 1, MaxWorkers: 1})
		var l *Lane[int]
		deliveries := 0
		l = d.Add(Settings[int]{Size: 4, OnOverflow: Block, BlockTimeout: time.Second, Deliver: func(_ context.Context, e []int) error {
			deliveries++
			l.Push(context.Background(), []int{e[0], e[0]}) // doubles with each delivery
			return nil
		}})
		l.Push(t.Context(), []int{1})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.LessOrEqual(t, deliveries, 100)
		assert.LessOrEqual(t, l.Waiting(), int64(4))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		d.Close(ctx)
		synctest.Wait()
		assert.Equal(t, l.Published(), l.Delivered()+l.Dropped(Full)+l.Dropped(Stopped))
	})
}

func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1}), &book{}
		l := d.Add(Settings[int]{Deliver: b.deliver, Size: 100, Batch: 4, Interval: time.Second})
		l.Push(t.Context(), numbers(1, 9))
		synctest.Wait()
		assert.Equal(t, []int{4, 4}, b.batches())
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []int{4, 4, 1}, b.batches())
		l.Push(t.Context(), []int{10})
		d.closed(t)
		assert.Equal(t, numbers(1, 10), b.read(), "the last batch does not wait for its time")
	})
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1}), &book{}
		var at []time.Duration
		began := time.Now()
		failures := []error{errors.New("1"), errors.New("2"), Later(errors.New("3"), 10*time.Second)}
		l := d.Add(Settings[int]{
			Size: 100, Retry: Retry{Initial: time.Second, Max: time.Minute, Multiplier: 1.5, Elapsed: 20 * time.Second},
			Deliver: func(ctx context.Context, e []int) error {
				at = append(at, time.Since(began))
				if len(failures) > 0 {
					err := failures[0]
					failures = failures[1:]
					return err
				}
				return b.deliver(ctx, e)
			},
		})
		l.Push(t.Context(), []int{1, 2})
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, []time.Duration{0, time.Second, 2500 * time.Millisecond, 12500 * time.Millisecond, 12500 * time.Millisecond}, at)
		assert.Equal(t, []int{1, 2}, b.read())

		for range 20 {
			failures = append(failures, errors.New("again"))
		}
		l.Push(t.Context(), []int{3})
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, map[string]int64{"retries_exhausted": 1}, dropped(l))
		d.closed(t)
	})
}

func TestOpenBreakerMakesEventsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1}), &book{}
		var fails atomic.Bool
		fails.Store(true)
		var changes []error
		calls := 0
		l := d.Add(Settings[int]{
			Size: 100, Breaker: &breaker.Config{Threshold: 2, Timeout: time.Minute, MaxTimeout: time.Minute, Probes: 1},
			Changed: func(err error) { changes = append(changes, err) },
			Deliver: func(ctx context.Context, e []int) error {
				calls++
				if fails.Load() {
					return errors.New("down")
				}
				return b.deliver(ctx, e)
			},
		})
		l.Push(t.Context(), numbers(1, 5))
		synctest.Wait()
		assert.Equal(t, 2, calls)
		assert.Equal(t, breaker.Open, l.BreakerState(time.Now()))
		assert.Equal(t, int64(3), l.Waiting())
		fails.Store(false)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		assert.Equal(t, []int{3, 4, 5}, b.read())
		require.Len(t, changes, 2)
		require.Error(t, changes[0])
		require.NoError(t, changes[1])
		d.closed(t)
	})
}

func TestWorkersFollowTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New[int](Options{MinWorkers: 1, MaxWorkers: 3, Patience: time.Hour})
		block := make(chan struct{})
		var lanes []*Lane[int]
		for range 5 {
			l := d.Add(Settings[int]{Size: 10, Deliver: func(context.Context, []int) error { <-block; return nil }})
			l.Push(t.Context(), []int{1})
			lanes = append(lanes, l)
		}
		synctest.Wait()
		assert.Equal(t, 3, d.Workers())
		close(block)
		synctest.Wait()
		for _, l := range lanes {
			assert.Equal(t, int64(1), l.Delivered())
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Equal(t, 1, d.Workers())
		d.closed(t)
		assert.Zero(t, d.Workers())
	})
}

// At the end what is queued is delivered in the order of priorities, until time is up, and the rest is reported.
func TestCloseDeliversInOrderAndReportsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1, Patience: time.Hour}), &book{}
		slow := func(ctx context.Context, e []int) error {
			select {
			case <-time.After(time.Second):
				return b.deliver(ctx, e)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		low := d.Add(Settings[int]{Name: "low", Priority: priority.Low, Deliver: slow, Size: 10})
		high := d.Add(Settings[int]{Name: "high", Priority: priority.High, Deliver: slow, Size: 10, Batch: 2, Interval: time.Hour})
		pull := plug(t, d)
		low.Push(t.Context(), []int{1, 2, 3})
		high.Push(t.Context(), []int{10})
		time.AfterFunc(time.Millisecond, pull) // once Close waits: what was delivered before it is not in its reports
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		assert.Equal(t, []Report{
			{Name: "plug", Priority: priority.Critical, Delivered: 1},
			{Name: "high", Priority: priority.High, Delivered: 1},
			{Name: "low", Priority: priority.Low, Delivered: 1, Dropped: 2},
		}, d.Close(ctx))
		assert.Equal(t, []int{10, 1}, b.read())
		assert.Equal(t, map[string]int64{"shutdown": 2}, dropped(low))
	})
}

// What a worker has taken is not begun any more when time is up.
func TestCloseEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1}), &book{}
		l := d.Add(Settings[int]{Name: "l", Size: 100, Deliver: func(_ context.Context, e []int) error {
			time.Sleep(60 * time.Millisecond) // whatever the context says
			return b.deliver(t.Context(), e)
		}})
		l.Push(t.Context(), numbers(1, 10))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		reports := d.Close(ctx)
		require.Len(t, reports, 1)
		assert.Equal(t, Report{Name: "l", Delivered: 2, Dropped: 8}, reports[0])
		assert.Zero(t, d.Workers())
	})
}

func TestRemoveDropsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, b := New[int](Options{MinWorkers: 1, MaxWorkers: 1, Patience: time.Hour}), &book{}
		pull := plug(t, d)
		l := d.Add(Settings[int]{Deliver: b.deliver, Size: 10})
		l.Push(t.Context(), []int{1, 2})
		d.Remove(l)
		l.Push(t.Context(), []int{3})
		pull()
		synctest.Wait()
		assert.Empty(t, b.read())
		assert.Equal(t, map[string]int64{"unsubscribed": 3}, dropped(l))
		assert.Len(t, d.list(), 1)
		d.closed(t)
	})
}

func TestContextTellsWhoCaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New[int](Options{MinWorkers: 1, MaxWorkers: 1})
		var l *Lane[int]
		own := false
		l = d.Add(Settings[int]{Size: 1, Timeout: time.Second, Deliver: func(ctx context.Context, _ []int) error {
			own = d.Cause(ctx) == l
			return nil
		}})
		l.Push(t.Context(), []int{1})
		synctest.Wait()
		assert.True(t, own)
		assert.Nil(t, d.Cause(t.Context()))
		d.closed(t)
		time.Sleep(time.Second)
	})
}
