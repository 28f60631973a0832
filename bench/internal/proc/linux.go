//go:build linux

package proc

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Supported returns nil: this is Linux.
func Supported() error { return nil }

// attributes lets no process outlive the bench, however that ends, and keeps a Ctrl-C on the terminal from it:
// the bench stops its processes itself.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// cpuClock reads the clock of the process's CPU time, in nanoseconds: the same sum as in /proc/PID/stat, which has
// steps of 10 ms. Not every system lets one process read the clock of another.
func cpuClock(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED of the whole process, as clock_getcpuclockid(3) makes it
	var ts unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &ts)
	return time.Duration(ts.Nano()), err
}
