package overseer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
)

// lastChance is how long a component that is out of time may take to notice it.
const lastChance = 100 * time.Millisecond

// HungError is returned for a component whose Shutdown did not return in time and goes on without anybody waiting.
type HungError struct {
	Component string
	Waited    time.Duration
}

func (e *HungError) Error() string {
	return fmt.Sprintf("%s did not stop within %v and is left behind", e.Component, e.Waited.Round(time.Millisecond))
}

// LeftBehind tells reports that the component hangs, rather than failed.
func (*HungError) LeftBehind() bool { return true }

// stopper bounds the stop of one component, and stops it once: components of exporterhelper panic the second time.
type stopper struct {
	once sync.Once
	err  error
	hung atomic.Bool
}

// stop calls shutdown. settled is called when it has returned in time.
func (s *stopper) stop(ctx context.Context, name string, limit time.Duration, shutdown component.ShutdownFunc, settled func()) error {
	s.once.Do(func() {
		began := time.Now()
		ctx, cancel := withLimit(ctx, limit)
		done := make(chan error, 1)
		go func() {
			defer cancel()
			done <- shutdown(ctx)
		}()
		var in bool
		if s.err, in = awaited(ctx, done); in {
			settled()
			return
		}
		s.hung.Store(true)
		s.err = &HungError{name, time.Since(began)}
	})
	return s.err
}

func withLimit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// awaited is what comes from done before ctx is over, or so little later that it was worth the wait.
func awaited(ctx context.Context, done <-chan error) (err error, in bool) {
	select {
	case err := <-done:
		return err, true
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err, true
	case <-time.After(lastChance):
		return nil, false
	}
}
