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

	"github.com/sluice-metrics/sluice/internal/drain"
	"github.com/sluice-metrics/sluice/internal/ledger"
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
		"deadline":                     {&scripted{drain: time.Hour}, at(s), exitForced, s + shutdownTimeout, "did not finish within 25s"},
		"deadline, context is ignored": {&scripted{drain: time.Hour, ignoreCtx: true}, at(s), exitForced, s + shutdownTimeout + cancelGrace, "did not finish within 25s"},
		"component fails":              {&scripted{failsAfter: s}, nil, exitFailed, s, ""},
		"component fails, stop hangs":  {&scripted{failsAfter: s + 100*ms, drain: time.Hour}, nil, exitForced, s + shutdownTimeout, "did not stop within 25s"},
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
				process := drain.NewProcess(nil, drain.Limits{Timeout: shutdownTimeout})
				code, err := (&supervisor{col: tc.col, process: process, stop: stop, log: &log}).run(t.Context())
				assert.Equal(t, tc.code, code)
				assert.Equal(t, tc.took.Truncate(s), time.Since(started).Truncate(s))
				assert.Contains(t, log.String(), tc.says)
				switch tc.code {
				case exitClean:
					require.NoError(t, err)
				case exitForced:
					require.ErrorIs(t, err, errForced)
				case exitFailed, exitMisused, exitLost:
					require.Error(t, err)
				}
				time.Sleep(tc.col.drain) // lets a collector that ignores its context end before the bubble does
			})
		})
	}
}

// limited attaches the life of a configuration with limits of its own, and returns where its report goes.
func limited(p *drain.Process, limits drain.Limits) *drain.Report {
	got := &drain.Report{}
	run := p.NewRun(drain.Settings{Limits: limits, Phases: true, Emit: func(r *drain.Report) { *got = *r }})
	p.Attach(run)
	run.Ready()
	return got
}

func TestDeadlineIsTheConfigurations(t *testing.T) {
	for name, tc := range map[string]struct {
		limits drain.Limits
		took   time.Duration
	}{
		"shorter":    {drain.Limits{Timeout: 3 * time.Second}, 3 * time.Second},
		"longer":     {drain.Limits{Timeout: time.Minute}, time.Minute},
		"with delay": {drain.Limits{Delay: 5 * time.Second, Timeout: 30 * time.Second}, 35 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				col := &scripted{drain: time.Hour, ignoreCtx: true, stopping: make(chan struct{})}
				process := drain.NewProcess(nil, drain.Limits{Timeout: shutdownTimeout})
				report := limited(process, tc.limits)
				stop := make(chan os.Signal, 2)
				stop <- syscall.SIGTERM
				began := time.Now()
				code, err := (&supervisor{col: col, process: process, stop: stop, log: io.Discard}).run(t.Context())
				require.ErrorIs(t, err, errForced)
				assert.Equal(t, exitForced, code)
				assert.Equal(t, tc.took+cancelGrace, time.Since(began))
				assert.Equal(t, drain.Forced, report.Outcome)
				assert.Equal(t, "terminated", report.Reason)
				assert.Equal(t, "3", report.ExitCode.String())
				assert.Equal(t, "unknown", report.Points.Lost.String())
				time.Sleep(col.drain)
			})
		})
	}
}

// A configuration that was being started when the signal came has its own limits.
func TestDeadlineOfAConfigurationThatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		col := &scripted{drain: time.Hour, stopping: make(chan struct{})}
		process := drain.NewProcess(nil, drain.Limits{Timeout: shutdownTimeout})
		stop := make(chan os.Signal, 2)
		stop <- syscall.SIGTERM
		began := time.Now()
		time.AfterFunc(10*time.Second, func() { limited(process, drain.Limits{Timeout: 40 * time.Second}) })
		code, _ := (&supervisor{col: col, process: process, stop: stop, log: io.Discard}).run(t.Context())
		assert.Equal(t, exitForced, code)
		assert.Equal(t, 40*time.Second, time.Since(began))
		time.Sleep(col.drain)
	})
}

// A report has the time that is left, and a little more.
func TestPatienceWithReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &supervisor{process: drain.NewProcess(nil, drain.Limits{Timeout: 25 * time.Second})}
		assert.Equal(t, calmReport, s.patience(), "nobody waits")
		s.process.Begin("terminated")
		assert.Equal(t, calmReport, s.patience())
		time.Sleep(23 * time.Second)
		assert.Equal(t, 2*time.Second, s.patience())
		time.Sleep(2 * time.Second)
		assert.Equal(t, hastyReport, s.patience())
		s.forcedAt = time.Now()
		assert.Equal(t, forcedEnd, s.patience())
		time.Sleep(cancelGrace)
		assert.Equal(t, hastyReport, s.patience())
	})
}

// What hangs while the report is written does not keep the process.
func TestReportThatCannotBeWrittenIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		col := &scripted{stopping: make(chan struct{})}
		process := drain.NewProcess(nil, drain.Limits{Timeout: shutdownTimeout})
		process.Attach(process.NewRun(drain.Settings{Limits: drain.Limits{Timeout: time.Minute}, Emit: func(*drain.Report) { time.Sleep(time.Hour) }}))
		stop := make(chan os.Signal, 2)
		stop <- syscall.SIGTERM
		began := time.Now()
		code, err := (&supervisor{col: col, process: process, stop: stop, log: io.Discard}).run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, exitClean, code)
		assert.Equal(t, calmReport, time.Since(began))
		time.Sleep(time.Hour)
	})
}

func TestVerdict(t *testing.T) {
	hung := drain.Stats{Components: []drain.Component{{Kind: "exporter", ID: "otlp", State: drain.Hung}}}
	lost := ledger.Books{Lost: ledger.Known(1)}
	stored := ledger.Books{Stored: ledger.Known(9), Lost: ledger.Known(0)}
	for name, tc := range map[string]struct {
		ended exitCode
		asked bool
		is    drain.Report
		code  exitCode
	}{
		"clean":                      {exitClean, true, drain.Report{Points: ledger.Books{Lost: ledger.Known(0)}}, exitClean},
		"unknown":                    {exitClean, true, drain.Report{}, exitClean},
		"stored":                     {exitClean, true, drain.Report{Points: stored}, exitClean},
		"lost":                       {exitClean, true, drain.Report{Points: lost}, exitLost},
		"lost, and an error":         {exitFailed, true, drain.Report{Points: lost}, exitLost},
		"an error":                   {exitFailed, true, drain.Report{}, exitFailed},
		"hung":                       {exitFailed, true, drain.Report{Stats: hung}, exitForced},
		"hung and lost":              {exitFailed, true, drain.Report{Stats: hung, Points: lost}, exitForced},
		"forced and lost":            {exitForced, true, drain.Report{Points: lost}, exitForced},
		"failed by itself, and lost": {exitFailed, false, drain.Report{Points: lost}, exitFailed},
		"reload hung":                {exitForced, false, drain.Report{Stats: hung}, exitForced},
	} {
		assert.Equal(t, tc.code, judged(tc.ended, tc.asked, &tc.is), name)
	}
}
