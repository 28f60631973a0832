package proc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Process is a started program. Its methods may be used from several goroutines.
type Process struct {
	cmd     *exec.Cmd
	log     string
	started time.Time
	done    chan struct{}
}

// Start runs the program with its output going to the file log. The process is killed when ctx ends.
func Start(ctx context.Context, log, program string, args ...string) (*Process, error) {
	if err := Supported(); err != nil {
		return nil, err
	}
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()                                                                                   //nolint:errcheck // the child has its own descriptor, nothing was written through this one
	p := &Process{cmd: exec.CommandContext(ctx, program, args...), log: log, done: make(chan struct{})} //nolint:gosec // running the programs it is told to is what the bench is for
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = attributes()
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	return p, nil
}

// Started returns when the process was started.
func (p *Process) Started() time.Time { return p.started }

// Usage returns what the process has taken so far. It fails once the process has ended.
func (p *Process) Usage() (Usage, error) { return readUsage(p.cmd.Process.Pid) }

// Log returns all that the process has written.
func (p *Process) Log() (string, error) {
	b, err := os.ReadFile(p.log)
	return string(b), err
}

// Terminate asks the process to stop and does not wait.
func (p *Process) Terminate() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// Kill ends the process and waits until it is gone. It may be called at any time and again.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

// Ended waits until the process has ended, at most for the time given, and tells whether it has.
func (p *Process) Ended(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Stop asks the process to stop and kills it when it has not within the time given.
func (p *Process) Stop(within time.Duration) {
	if p.Terminate() == nil && p.Ended(within) {
		return
	}
	p.Kill()
}

// ErrNotReady is that a process did not listen in time, or ended before.
var ErrNotReady = errors.New("not ready")

// Listening waits until the address accepts connections and returns how long that took since the start.
func (p *Process) Listening(ctx context.Context, address string, within time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	var dialer net.Dialer
	for {
		if c, err := dialer.DialContext(ctx, "tcp", address); err == nil {
			took := time.Since(p.started)
			return took, c.Close()
		}
		select {
		case <-p.done:
			return 0, fmt.Errorf("%w: it ended: %s\n%s", ErrNotReady, p.cmd.ProcessState, p.tail())
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %s does not answer: %w\n%s", ErrNotReady, address, ctx.Err(), p.tail())
		case <-poll.C:
		}
	}
}

func (p *Process) tail() string {
	text, err := p.Log()
	if err != nil {
		return err.Error()
	}
	const most = 2000
	return text[max(0, len(text)-most):]
}
