package inprocess

import (
	"syscall"
	"testing"
	"time"
)

// meter is the timer of a benchmark together with the CPU time of the process. CPU time counts what other cores do for
// the measured side, such as collecting its garbage, and not what other processes do to it.
type meter struct {
	b     *testing.B
	spent time.Duration
	since time.Duration
}

// newMeter begins to measure. Call it last before the loop.
func newMeter(b *testing.B) *meter {
	b.Helper()
	b.ReportAllocs()
	return &meter{b: b, since: cpuTime(b)}
}

// untimed runs f with the meter stopped.
func (m *meter) untimed(f func()) {
	m.b.Helper()
	m.stop()
	f()
	m.start()
}

func (m *meter) stop() {
	m.b.Helper()
	m.spent += cpuTime(m.b) - m.since
	m.b.StopTimer()
}

func (m *meter) start() {
	m.b.Helper()
	m.b.StartTimer()
	m.since = cpuTime(m.b)
}

// report gives the cost of an iteration by the things it handled. Call it right after the loop.
func (m *meter) report(things int, unit string) {
	m.b.Helper()
	spent := m.spent + cpuTime(m.b) - m.since
	all := float64(m.b.N) * float64(things)
	m.b.ReportMetric(float64(m.b.Elapsed().Nanoseconds())/all, "ns/"+unit)
	m.b.ReportMetric(float64(spent.Nanoseconds())/all, "cpu-ns/"+unit)
}

// cpuTime is the CPU time of the process, user and system.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
