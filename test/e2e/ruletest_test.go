package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The exit codes of `sluice test` are for CI.
func TestRuleTestsEndWithTheirCodes(t *testing.T) {
	own := filepath.Join(t.TempDir(), "fails.yaml")
	require.NoError(t, os.WriteFile(own, []byte(`
processors: {streamer: {}}
tests: [{name: it, inputs: [{text: "a 1\n"}], expect: {text: a 2}}]
`), 0o600))
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"../../processor/streamerprocessor/testdata/testing/rules_test.yaml"}, 0, "4 passed, 0 failed, 0 shown\n"},
		{[]string{own}, 1, "FAIL  " + own + ":3: it\n"},
		{[]string{own, "nosuch.yaml"}, 2, "nosuch.yaml"},
		{nil, 2, "at least one file"},
	} {
		out, err := exec.CommandContext(t.Context(), binary, append([]string{"test"}, tc.args...)...).CombinedOutput()
		code := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			code = exit.ExitCode()
		} else {
			require.NoError(t, err)
		}
		assert.Equal(t, tc.code, code, string(out))
		assert.Contains(t, string(out), tc.says)
	}
}
