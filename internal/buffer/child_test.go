package buffer

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"
)

// childEnv names what the test binary does instead of its tests, which it finds in children.
const childEnv = "SLUICE_BUFFER_CHILD"

var children = map[string]func(){}

func childCommand(ctx context.Context, name string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(append(os.Environ(), childEnv+"="+name), env...)
	return cmd
}

func TestMain(m *testing.M) {
	if run := children[os.Getenv(childEnv)]; run != nil {
		run()
		return
	}
	goleak.VerifyTestMain(m)
}
