package main

import (
	"time"

	"github.com/sluice-metrics/sluice/internal/drain"
	"github.com/sluice-metrics/sluice/internal/ledger"
)

// exitCode is the process's: documented in the README.
type exitCode int

const (
	exitClean  exitCode = 0
	exitFailed exitCode = 1
	// exitMisused is of the sub-command test: nothing can be said of the rules.
	exitMisused exitCode = 2
	// exitForced is a stop that was cut short: by the deadline, by a second signal, or for a component that hung.
	exitForced exitCode = 3
	// exitLost is a stop that came to its end with points that were neither delivered nor stored.
	exitLost exitCode = 4
)

// verdict is the exit code in the light of the report, which it sends where the drain extension wants it. Without that
// extension there is no report.
func (s *supervisor) verdict(code exitCode) exitCode {
	report, ok := s.process.Report()
	if !ok {
		return code
	}
	_, asked := s.process.Begun()
	code = judged(code, asked, &report)
	report.Outcome, report.ExitCode = outcomes[code], ledger.Known(int64(code))
	s.process.Emit(&report, s.patience())
	return code
}

// patience is how long the report may take to be written: the deadline holds for it too.
func (s *supervisor) patience() time.Duration {
	began, asked := s.process.Begun()
	switch {
	case !s.forcedAt.IsZero():
		return forcedEnd - time.Since(s.forcedAt)
	case !asked:
		return calmReport
	default:
		left := s.process.Limits().Whole() - time.Since(began)
		return min(calmReport, max(hastyReport, left))
	}
}

var outcomes = map[exitCode]string{
	exitClean: drain.Clean, exitFailed: drain.Failed, exitForced: drain.Forced, exitLost: drain.Lost,
}

// judged weighs how the process ended. A collector that failed by itself says so first; of a stop that was asked for, the
// worst that can be said is that it was cut short, and then that points are lost.
func judged(code exitCode, asked bool, report *drain.Report) exitCode {
	lost, _ := report.Points.Lost.Value()
	switch {
	case !asked || code == exitForced:
		return code
	case len(report.Hung()) > 0:
		return exitForced
	case lost > 0:
		return exitLost
	default:
		return code
	}
}
