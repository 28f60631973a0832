package dispatch

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof" // sizes the proofs
	"github.com/sluice-metrics/sluice/priority"
)

type event struct{ sequence uint64 }

// model is what a lane is compared with.
type model struct {
	*Lane[event]
	settings Settings[event]
	behave   func(ctx context.Context, release <-chan struct{}) error
	// unstarted are events that have been pushed and not begun, of lanes that drop nothing.
	unstarted int
	last      uint64
	under     int
}

// world is a dispatcher whose receivers check, at each delivery, what is promised. All is drawn before, for inside a bubble
// of synctest rapid cannot give up.
type world struct {
	*Dispatcher[event]
	workers int
	models  []*model
	steps   []step

	mu     sync.Mutex
	faults map[string]bool
}

type step struct{ what, lane, n int }

func drawWorld(t *rapid.T, lane func(*rapid.T) *model) *world {
	return &world{
		workers: rapid.IntRange(1, 3).Draw(t, "workers"),
		models:  rapid.SliceOfN(rapid.Custom(lane), 1, 6).Draw(t, "lanes"),
		steps: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
			return step{rapid.IntRange(0, 9).Draw(t, "what"), rapid.IntRange(0, 5).Draw(t, "lane"), rapid.IntRange(1, 40).Draw(t, "n")}
		}), 1, 80).Draw(t, "steps"),
		faults: map[string]bool{},
	}
}

func (w *world) open() { w.Dispatcher = New[event](Options{MinWorkers: 1, MaxWorkers: w.workers}) }

func (w *world) check(holds bool, fault string) {
	if !holds {
		w.faults[fault] = true
	}
}

var behaviours = []func(ctx context.Context, release <-chan struct{}) error{
	func(context.Context, <-chan struct{}) error { return nil },
	func(context.Context, <-chan struct{}) error { return errors.New("no") },
	func(context.Context, <-chan struct{}) error { return Permanent(errors.New("no")) },
	func(context.Context, <-chan struct{}) error { panic("no") },
	func(context.Context, <-chan struct{}) error { runtime.Goexit(); return nil },
	func(context.Context, <-chan struct{}) error { time.Sleep(3 * time.Millisecond); return nil },
	func(context.Context, <-chan struct{}) error { time.Sleep(30 * time.Millisecond); return nil },
	func(ctx context.Context, _ <-chan struct{}) error { <-ctx.Done(); return ctx.Err() },
	func(_ context.Context, release <-chan struct{}) error { <-release; return nil },
}

func drawLane(t *rapid.T) *model {
	m := &model{
		behave: rapid.SampledFrom(behaviours).Draw(t, "behaviour"),
		settings: Settings[event]{
			Priority: rapid.SampledFrom(priority.All()).Draw(t, "priority"), Size: rapid.IntRange(1, 10).Draw(t, "size"),
			Batch: rapid.IntRange(0, 3).Draw(t, "batch"), Interval: 5 * time.Millisecond, Timeout: 20 * time.Millisecond,
			OnOverflow:   rapid.SampledFrom([]Overflow{DropOldest, DropNewest, Block}).Draw(t, "policy"),
			BlockTimeout: 50 * time.Millisecond,
			Stamp:        func(e *event, n uint64) { e.sequence = n },
		},
	}
	if rapid.Bool().Draw(t, "retries") {
		m.settings.Retry = Retry{Initial: time.Millisecond, Max: 10 * time.Millisecond, Elapsed: 100 * time.Millisecond}
	}
	return m
}

// TestEverythingIsAccountedFor pushes to lanes of all kinds of receivers, removes some and closes: per lane nothing is
// delivered out of order, twice or at the same time as another, and published = delivered + dropped.
func TestEverythingIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt, drawLane)
		deadline := rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour}).Draw(rt, "deadline")
		synctest.Test(t, func(t *testing.T) {
			w.open()
			release := make(chan struct{})
			for _, m := range w.models {
				w.add(m, release)
			}
			for _, s := range w.steps {
				w.do(t, s)
			}
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			w.Close(ctx)
			w.account("not accounted for after Close")
			close(release)
			synctest.Wait()
			w.account("not accounted for when all have returned")
			w.check(w.Workers() == 0, "a worker stays")
		})
		require.Empty(rt, w.faults)
	})
}

func (w *world) add(m *model, release <-chan struct{}) {
	retries := m.settings.Retry.Initial > 0
	m.settings.Deliver = func(ctx context.Context, events []event) error {
		w.mu.Lock()
		if retries { // what failed comes again
			m.last = min(m.last, events[0].sequence-1)
		}
		for _, e := range events {
			w.check(e.sequence > m.last, "out of order, or twice")
			m.last = e.sequence
		}
		m.under++
		w.check(m.under == 1, "two deliveries of one lane at once")
		w.mu.Unlock()
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			m.under--
		}()
		return m.behave(ctx, release)
	}
	m.Lane = w.Add(m.settings)
}

func (w *world) do(t *testing.T, s step) {
	t.Helper()
	m := w.models[s.lane%len(w.models)]
	switch s.what {
	case 0:
		time.Sleep(time.Duration(s.n) * time.Millisecond)
	case 1:
		synctest.Wait()
	case 2:
		if s.n < 10 {
			w.Remove(m.Lane)
		}
	case 3:
		m.Drop(Looped, 2)
	default:
		m.Push(t.Context(), make([]event, 1+s.n/8))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check(m.Waiting() <= int64(m.settings.Size), "more than its size")
}

func (w *world) account(fault string) {
	for _, m := range w.models {
		sum := m.Delivered()
		for _, r := range Reasons() {
			sum += m.Dropped(r)
		}
		w.check(m.Published() == sum, fault)
	}
}

// TestPrioritiesAreStrict checks at each delivery that nothing of a higher priority waits that could have been delivered
// instead. With one worker events come also out of deliveries; with more, each may be on its way to a receiver.
func TestPrioritiesAreStrict(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt, func(t *rapid.T) *model {
			return &model{settings: Settings[event]{Priority: rapid.SampledFrom(priority.All()).Draw(t, "priority"), Size: 100_000}}
		})
		causes := rapid.SliceOfN(rapid.IntRange(-3, 5), 200, 200).Draw(rt, "causes")
		synctest.Test(t, func(t *testing.T) {
			w.open()
			for _, m := range w.models {
				w.addStrict(m, &causes)
			}
			release := make(chan struct{})
			for range w.workers { // nothing is begun before all is there
				w.Add(Settings[event]{Priority: priority.Critical, Size: 1, Deliver: func(context.Context, []event) error {
					<-release
					return nil
				}}).Push(t.Context(), make([]event, 1))
			}
			synctest.Wait()
			for _, s := range w.steps {
				w.push(t.Context(), s.lane, s.n)
			}
			close(release)
			synctest.Wait()
			for _, m := range w.models {
				w.check(m.unstarted == 0, "not all is delivered")
			}
			w.Close(t.Context())
		})
		require.Empty(rt, w.faults)
	})
}

func (w *world) push(ctx context.Context, lane, n int) {
	m := w.models[lane%len(w.models)]
	w.mu.Lock()
	m.unstarted += n
	w.mu.Unlock()
	m.Push(ctx, make([]event, n))
}

func (w *world) addStrict(m *model, causes *[]int) {
	m.settings.Deliver = func(ctx context.Context, _ []event) error {
		w.mu.Lock()
		m.unstarted--
		above := 0
		for _, o := range w.models {
			if o.settings.Priority.Before(m.settings.Priority) {
				above += o.unstarted
			}
		}
		w.check(above < w.workers, "a higher priority waits")
		next := -1
		if w.workers == 1 && len(*causes) > 0 {
			next, *causes = (*causes)[0], (*causes)[1:]
		}
		w.mu.Unlock()
		if next >= 0 {
			w.push(ctx, next, 1)
		}
		return nil
	}
	m.Lane = w.Add(m.settings)
}
