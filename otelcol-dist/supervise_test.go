package main

import (
	"context"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/otelcol"
)

// scripted is a collector that runs until it is told to stop or fails, and then takes its time.
type scripted struct {
	failsAfter time.Duration // a component reports a fatal error; 0 for never
	drain      time.Duration // from the beginning of the stop to the end of Run
	ignoreCtx  bool          // as components do that wait for a peer without a deadline
	err        error

	stopping chan struct{}
	state    atomic.Int64
}

func (c *scripted) Run(ctx context.Context) error {
	c.state.Store(int64(otelcol.StateRunning))
	var failed <-chan time.Time
	if c.failsAfter > 0 {
		failed = time.After(c.failsAfter)
	}
	select {
	case <-c.stopping:
	case <-failed:
	}
	c.state.Store(int64(otelcol.StateClosing))
	cancelled := ctx.Done()
	if c.ignoreCtx {
		cancelled = nil
	}
	select {
	case <-time.After(c.drain):
		return c.err
	case <-cancelled:
		return ctx.Err()
	}
}

func (c *scripted) Shutdown() { close(c.stopping) }

func (c *scripted) GetState() otelcol.State { return otelcol.State(c.state.Load()) }

func TestSupervise(t *testing.T) {
	at := func(times ...time.Duration) []time.Duration { return times }
	ms, s := time.Millisecond, time.Second
	for name, tc := range map[string]struct {
		col     *scripted
		signals []time.Duration
		code    exitCode
		took    time.Duration
		says    string
	}{
		"drains in time":               {&scripted{drain: 3 * s}, at(s), exitClean, 4 * s, ""},
		"fails while draining":         {&scripted{drain: s, err: io.ErrUnexpectedEOF}, at(s), exitFailed, 2 * s, ""},
		"same signal twice":            {&scripted{drain: 3 * s}, at(s, s, s+500*ms), exitClean, 4 * s, ""},
		"second signal":                {&scripted{drain: time.Hour}, at(s, s+1, 3*s), exitForced, 3 * s, "second signal (terminated)"},
		"deadline":                     {&scripted{drain: time.Hour}, at(s), exitForced, s + shutdownDeadline, "did not finish within 25s"},
		"deadline, context is ignored": {&scripted{drain: time.Hour, ignoreCtx: true}, at(s), exitForced, s + shutdownDeadline + cancelGrace, "did not finish within 25s"},
		"component fails":              {&scripted{failsAfter: s}, nil, exitFailed, s, ""},
		"component fails, stop hangs":  {&scripted{failsAfter: s + 100*ms, drain: time.Hour}, nil, exitForced, s + shutdownDeadline, "did not stop within 25s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.col.stopping = make(chan struct{})
				stop := make(chan os.Signal, 2)
				for _, after := range tc.signals {
					time.AfterFunc(after, func() {
						select {
						case stop <- syscall.SIGTERM:
						default: // as signal.Notify does
						}
					})
				}
				var log strings.Builder
				started := time.Now()
				code, err := supervise(t.Context(), tc.col, stop, &log)
				assert.Equal(t, tc.code, code)
				assert.Equal(t, tc.took, time.Since(started).Truncate(s))
				assert.Contains(t, log.String(), tc.says)
				switch tc.code {
				case exitClean:
					require.NoError(t, err)
				case exitForced:
					require.ErrorIs(t, err, errForced)
				case exitFailed, exitMisused:
					require.Error(t, err)
				}
				time.Sleep(tc.col.drain) // lets a collector that ignores its context end before the bubble does
			})
		})
	}
}
