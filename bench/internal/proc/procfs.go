package proc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc: USER_HZ, which is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// Usage is what a process has taken so far.
type Usage struct {
	CPU  time.Duration // user and system, of all threads
	RSS  int64         // bytes now
	Peak int64         // bytes at most so far
}

// parseStat returns user plus system time from the text of /proc/PID/stat.
func parseStat(text string) (time.Duration, error) {
	// The command's name, in parentheses, may hold spaces and parentheses itself.
	end := strings.LastIndexByte(text, ')')
	if end < 0 {
		return 0, errors.New("stat without a command name")
	}
	f := strings.Fields(text[end+1:])
	const utime, stime = 11, 12 // proc(5) counts from 1 and from the PID
	if len(f) <= stime {
		return 0, fmt.Errorf("stat has %d fields after the command name", len(f))
	}
	user, err := strconv.ParseInt(f[utime], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("utime: %w", err)
	}
	system, err := strconv.ParseInt(f[stime], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("stime: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}

// parseStatus returns VmRSS and VmHWM in bytes from the text of /proc/PID/status. Both are zero for a process that has ended.
func parseStatus(text []byte) (rss, peak int64, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		switch key {
		case "VmRSS":
			rss, err = kibibytes(value)
		case "VmHWM":
			peak, err = kibibytes(value)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", key, err)
		}
	}
	return rss, peak, lines.Err()
}

func kibibytes(s string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(s), " kB"), 10, 64)
	return n << 10, err
}

func readUsage(pid int) (Usage, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Usage{}, err
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return Usage{}, err
	}
	var u Usage
	if u.CPU, err = parseStat(string(stat)); err != nil {
		return Usage{}, err
	}
	if fine, err := cpuClock(pid); err == nil {
		u.CPU = fine
	}
	u.RSS, u.Peak, err = parseStatus(status)
	return u, err
}

// FreeMemory returns the bytes that new processes can take without swapping, or zero if the system does not tell.
func FreeMemory() int64 { return meminfo("MemAvailable") }

// TotalMemory returns the bytes of memory of the machine, or zero if the system does not tell.
func TotalMemory() int64 { return meminfo("MemTotal") }

func meminfo(key string) int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if k, v, _ := strings.Cut(line, ":"); k == key {
			n, _ := kibibytes(v)
			return n
		}
	}
	return 0
}
