//go:build !linux

package proc

import (
	"errors"
	"syscall"
	"time"
)

// Supported tells why the bench cannot run here.
func Supported() error {
	return errors.New("the whole-process bench accounts by /proc and needs Linux")
}

func cpuClock(int) (time.Duration, error) { return 0, errors.ErrUnsupported }

func attributes() *syscall.SysProcAttr { return nil }
