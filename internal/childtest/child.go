// Package childtest runs a part of a test in a process of its own, which may be killed, or be given a disk that is full: the
// test binary once more, which does that part instead of its tests.
package childtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// env names the part.
const env = "SLUICE_TEST_CHILD"

var parts = map[string]func(){}

// Register names a part. It is to be called before Main.
func Register(name string, run func()) { parts[name] = run }

// Main is what TestMain of a package with parts does: one part, or the tests and a look for goroutines that are left.
func Main(m *testing.M) {
	if run := parts[os.Getenv(env)]; run != nil {
		run()
		return
	}
	goleak.VerifyTestMain(m)
}

// Command is the process for a part.
func Command(ctx context.Context, name string, variables ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0]) //nolint:gosec // the test itself
	cmd.Env = append(append(os.Environ(), env+"="+name), variables...)
	return cmd
}

// skipCode is the exit code of a part that cannot be done here.
const skipCode = 3

// Skip ends a part that cannot be done here, and skips its test.
func Skip(why ...any) {
	fmt.Println(why...)
	os.Exit(skipCode)
}

// Run runs a part in a directory of its own. It fails if the part does, with what it has printed.
func Run(t *testing.T, name string) {
	t.Helper()
	run(t, Command(t.Context(), name))
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Dir = t.TempDir()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	switch {
	case isForbidden(err):
		t.Skip("no user namespaces here")
	case cmd.ProcessState.ExitCode() == skipCode:
		t.Skip(out.String())
	}
	require.NoError(t, err, out.String())
	t.Log(out.String())
}

// T is a TestingT for a part, which ends with the first error.
type T struct{}

// Errorf prints what is wrong, and ends the process.
func (T) Errorf(format string, args ...any) {
	fmt.Printf(format, args...)
	os.Exit(1)
}

// FailNow ends the process.
func (T) FailNow() { os.Exit(1) }
