package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scripted is a collector whose stop takes as long as the test says.
type scripted struct {
	stopping  chan struct{}
	drain     time.Duration // from Shutdown to the end of Run
	ignoreCtx bool          // as components do that wait for a peer without a deadline
	err       error
}

func (c *scripted) Run(ctx context.Context) error {
	<-c.stopping
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

func TestSupervise(t *testing.T) {
	type signalAt time.Duration
	for name, tc := range map[string]struct {
		col     scripted
		signals []signalAt
		code    exitCode
		took    time.Duration
		says    string
	}{
		"drains in time":               {scripted{drain: 3 * time.Second}, []signalAt{0}, exitClean, 3 * time.Second, ""},
		"fails while draining":         {scripted{drain: time.Second, err: io.ErrUnexpectedEOF}, []signalAt{0}, exitFailed, time.Second, ""},
		"second signal":                {scripted{drain: time.Hour}, []signalAt{0, 2}, exitForced, 2 * time.Second, "second signal (terminated)"},
		"deadline":                     {scripted{drain: time.Hour}, []signalAt{0}, exitForced, shutdownDeadline, "did not finish within 25s"},
		"deadline, context is ignored": {scripted{drain: time.Hour, ignoreCtx: true}, []signalAt{0}, exitForced, shutdownDeadline + cancelGrace, "did not finish within 25s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.col.stopping = make(chan struct{})
				stop := make(chan os.Signal, 2)
				for _, at := range tc.signals {
					time.AfterFunc(time.Duration(at)*time.Second, func() { stop <- syscall.SIGTERM })
				}
				var log strings.Builder
				started := time.Now()
				code, err := supervise(t.Context(), &tc.col, stop, &log)
				assert.Equal(t, tc.code, code)
				assert.Equal(t, tc.took, time.Since(started))
				assert.Contains(t, log.String(), tc.says)
				switch tc.code {
				case exitClean:
					require.NoError(t, err)
				case exitForced:
					require.ErrorIs(t, err, errForced)
				case exitFailed:
					require.ErrorIs(t, err, tc.col.err)
				}
				time.Sleep(tc.col.drain) // lets an ignoring collector end before the bubble does
			})
		})
	}
}

func TestSuperviseReturnsWhatRunReturned(t *testing.T) {
	failed := errors.New("no such component")
	code, err := supervise(t.Context(), &failing{failed}, nil, io.Discard)
	assert.Equal(t, exitFailed, code)
	require.ErrorIs(t, err, failed)
}

type failing struct{ err error }

func (c *failing) Run(context.Context) error { return c.err }

func (*failing) Shutdown() {}
