package turnstile

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const hold = time.Second

// crowd counts who is inside.
type crowd struct{ inside, most atomic.Int64 }

func (c *crowd) in() {
	n := c.inside.Add(1)
	for m := c.most.Load(); n > m && !c.most.CompareAndSwap(m, n); m = c.most.Load() {
	}
}

func (c *crowd) out() { c.inside.Add(-1) }

// stay enters, stays for the holding time, and returns how long it had to wait.
func (c *crowd) stay(t *testing.T, ts *Turnstile, group string) time.Duration {
	t.Helper()
	began := time.Now()
	if err := ts.Enter(t.Context(), group); err != nil {
		t.Error(err)
		return 0
	}
	waited := time.Since(began)
	c.in()
	time.Sleep(hold)
	c.out()
	ts.Leave()
	return waited
}

// empty is what must hold when all is over: nothing is kept.
func empty(t *testing.T, ts *Turnstile) {
	t.Helper()
	assert.Zero(t, ts.Running())
	assert.Zero(t, ts.Waiting())
	assert.Empty(t, ts.groups)
	assert.Zero(t, ts.turns.Len())
}

func TestASmallGroupIsNotKeptWaiting(t *testing.T) {
	for _, tc := range []struct{ limit, floods int }{{1, 1}, {1, 5}, {3, 1}, {4, 9}} {
		t.Run(fmt.Sprintf("%d places, %d floods", tc.limit, tc.floods), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ts, c := New(tc.limit), &crowd{}
				flood(t, ts, c, tc.floods)
				groups := tc.floods + 1
				turn := time.Duration((groups+tc.limit-1)/tc.limit) * hold
				for range 3 {
					assert.LessOrEqual(t, c.stay(t, ts, "b"), turn, "who comes alone waits for one turn of the others")
				}
				together(t, ts, c, turn)
				assert.Positive(t, ts.Waiting(), "the floods are not over")
				time.Sleep(time.Duration(tc.floods) * 1000 * hold)
				synctest.Wait()
				assert.Equal(t, int64(tc.limit), c.most.Load())
				empty(t, ts)
			})
		})
	}
}

// flood lets a thousand of each group come, and returns while they wait.
func flood(t *testing.T, ts *Turnstile, c *crowd, groups int) {
	t.Helper()
	for i := range groups {
		for range 1000 {
			go c.stay(t, ts, fmt.Sprint("a", i))
		}
	}
	synctest.Wait()
	require.Equal(t, ts.limit, ts.Running())
	require.Equal(t, groups*1000-ts.limit, ts.Waiting())
	time.Sleep(hold / 2)
}

// together lets three come at once: each has a turn after the one before.
func together(t *testing.T, ts *Turnstile, c *crowd, turn time.Duration) {
	t.Helper()
	var wg sync.WaitGroup
	var longest atomic.Int64
	for range 3 {
		wg.Go(func() {
			waited := int64(c.stay(t, ts, "b"))
			for m := longest.Load(); waited > m && !longest.CompareAndSwap(m, waited); m = longest.Load() {
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, time.Duration(longest.Load()), 3*turn)
}

func TestFirstComeFirstServedInAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := New(1)
		require.NoError(t, ts.Enter(t.Context(), "a"))
		var order []int
		for i := range 100 {
			go func() {
				assert.NoError(t, ts.Enter(t.Context(), "a"))
				order = append(order, i)
				ts.Leave()
			}()
			synctest.Wait()
		}
		ts.Leave()
		synctest.Wait()
		require.Len(t, order, 100)
		assert.IsIncreasing(t, order)
		empty(t, ts)
	})
}

// TestANewcomerDoesNotOvertake gives a place back at the moment someone else comes: it is taken already.
func TestANewcomerDoesNotOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := New(1)
		require.NoError(t, ts.Enter(t.Context(), "a"))
		var first, second bool
		go func() { first = ts.Enter(t.Context(), "a") == nil }()
		synctest.Wait()
		ts.Leave()
		go func() { second = ts.Enter(t.Context(), "b") == nil }()
		synctest.Wait()
		assert.True(t, first)
		assert.False(t, second)
		assert.Equal(t, 1, ts.Running())
		assert.Equal(t, 1, ts.Waiting())
		ts.Leave()
		synctest.Wait()
		assert.True(t, second)
		ts.Leave()
		empty(t, ts)
	})
}

func TestWhoIsLateDoesNotEnter(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ts := New(1)
	require.ErrorIs(t, ts.Enter(ctx, "a"), context.Canceled)
	empty(t, ts)
	require.NoError(t, ts.Enter(t.Context(), "a"))
	require.ErrorIs(t, ts.Enter(ctx, "a"), context.Canceled)
	assert.Zero(t, ts.Waiting())
	ts.Leave()
	empty(t, ts)
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := New(1)
		require.NoError(t, ts.Enter(t.Context(), "a"))
		ctx, cancel := context.WithTimeout(t.Context(), hold)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, ts.Enter(ctx, "a"), context.DeadlineExceeded)
		assert.Equal(t, hold, time.Since(began))
		assert.Equal(t, 1, ts.Running())
		assert.Empty(t, ts.groups)
		ts.Leave()
		empty(t, ts)
	})
}

// TestWhoGivesUpPassesThePlaceOn does step by step what is a matter of luck otherwise: the waiter is let in before it can
// say that it has given up.
func TestWhoGivesUpPassesThePlaceOn(t *testing.T) {
	for _, next := range []string{"", "a", "b"} {
		ts := New(1)
		require.Nil(t, ts.Queue("a"))
		w := ts.Queue("a")
		var other *Waiter
		if next != "" {
			other = ts.Queue(next)
		}
		ts.Leave()
		require.True(t, isIn(w))
		w.GiveUp()
		assert.Zero(t, ts.Waiting(), next)
		if next != "" {
			assert.True(t, isIn(other), "%q has the place now", next)
			assert.Equal(t, 1, ts.Running())
			ts.Leave()
		}
		empty(t, ts)
	}
}

func isIn(w *Waiter) bool {
	select {
	case <-w.In():
		return true
	default:
		return false
	}
}

// TestGivingUpAtAnyMoment lets contexts end while places are given back, over and over.
func TestGivingUpAtAnyMoment(t *testing.T) {
	for _, limit := range []int{1, 3} {
		ts, c := New(limit), &crowd{}
		var entered, gaveUp atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for n := range 3000 {
					if visit(t, ts, c, strconv.Itoa(i%3), (n+i)%3 != 0) {
						entered.Add(1)
					} else {
						gaveUp.Add(1)
					}
				}
			})
		}
		wg.Wait()
		assert.Positive(t, entered.Load())
		assert.Positive(t, gaveUp.Load())
		assert.LessOrEqual(t, c.most.Load(), int64(limit))
		assert.Positive(t, c.most.Load())
		empty(t, ts)
	}
}

// visit is patient or has a context that ends at about the time at which it may be let in.
func visit(t *testing.T, ts *Turnstile, c *crowd, group string, patient bool) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if !patient {
		go cancel()
	}
	if err := ts.Enter(ctx, group); err != nil {
		assert.ErrorIs(t, err, context.Canceled)
		return false
	}
	c.in()
	runtime.Gosched()
	c.out()
	ts.Leave()
	return true
}

func TestNoLimit(t *testing.T) {
	assert.Nil(t, New(0))
	assert.Nil(t, New(-1))
	var ts *Turnstile
	for range 100 {
		require.NoError(t, ts.Enter(t.Context(), "a"))
	}
	assert.Zero(t, ts.Running())
	assert.Zero(t, ts.Waiting())
	ts.Leave()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, ts.Enter(ctx, "a"), context.Canceled)
}

func TestItTakesNoMemoryWhileThereAreFreePlaces(t *testing.T) {
	ctx := t.Context()
	for _, ts := range []*Turnstile{New(1), nil} {
		assert.Zero(t, testing.AllocsPerRun(1000, func() {
			if ts.Enter(ctx, "a") != nil {
				t.Error("it is full")
			}
			ts.Leave()
		}))
	}
}
