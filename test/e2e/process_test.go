package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience bounds every wait for the process under test; a loaded CI machine is slow.
const patience = 30 * time.Second

// listenOn is a loopback address of this test run's own where the system has them, so that a Sluice running on the
// machine does not disturb the tests of the default configuration, whose ports are fixed.
func listenOn() string {
	if runtime.GOOS == "linux" {
		return "127.0.77.1"
	}
	return "127.0.0.1"
}

// sluice is a running process.
type sluice struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  lockedBuffer
	done chan struct{}
}

// lockedBuffer takes the output of a process while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *lockedBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

// launch starts the binary with args and with env over the test's environment. It is killed when the test ends, if
// it still runs then.
func launch(t *testing.T, env []string, args ...string) *sluice {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), env...)
	return started(t, cmd)
}

func started(t *testing.T, cmd *exec.Cmd) *sluice {
	t.Helper()
	s := &sluice{t: t, cmd: cmd, done: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	require.NoError(t, s.cmd.Start())
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // the exit code is read from ProcessState
	}()
	t.Cleanup(func() {
		<-s.done // killed with the test's context
		if t.Failed() {
			t.Logf("output of %s:\n%s", s.cmd, s.log.String())
		}
	})
	return s
}

// launchConfig starts the binary on a configuration written to a file of the test's.
func launchConfig(t *testing.T, yaml string) (process *sluice, file string) {
	t.Helper()
	return launchBinary(t, binary, yaml)
}

func launchBinary(t *testing.T, bin, yaml string) (process *sluice, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "sluice.yaml")
	require.NoError(t, os.WriteFile(file, []byte(yaml), 0o600))
	return started(t, exec.CommandContext(t.Context(), bin, "--config", file)), file
}

func (s *sluice) signal(sig os.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(sig))
}

// wait returns the exit code once the process has ended, which it must within limit.
func (s *sluice) wait(limit time.Duration) int {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(limit):
		s.t.Fatalf("still running after %v", limit)
	}
	return s.cmd.ProcessState.ExitCode()
}

// stop ends the process as an orchestrator does and asserts a clean exit.
func (s *sluice) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	assert.Equal(s.t, 0, s.wait(patience))
}

func (s *sluice) logged(text string) {
	s.t.Helper()
	eventually(s.t, func() error {
		if !strings.Contains(s.log.String(), text) {
			return errors.New("not in the log: " + text)
		}
		return nil
	})
}

// eventually waits until check passes, for as long as patience.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	require.NoError(t, err)
}

// answered waits for a URL to answer with status and returns the page.
func answered(t *testing.T, url string, status int) (page string) {
	t.Helper()
	eventually(t, func() (err error) {
		page, err = fetch(t.Context(), url, status)
		return err
	})
	return page
}

func fetch(ctx context.Context, url string, status int) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != status {
		return "", errors.New(url + " answered " + res.Status)
	}
	return string(page), nil
}

// client keeps no connection, so that none outlives a test.
var client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// freePort is a TCP port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
