package childtest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func init() {
	Register("says", func() { fmt.Println("said", os.Getenv("WHAT")) })
	Register("fails", func() { require.Equal(T{}, 1, 2) })
	Register("cannot", func() { Skip("not here") })
}

func TestMain(m *testing.M) { Main(m) }

func TestPartsRunInAProcessOfTheirOwn(t *testing.T) {
	out, err := Command(t.Context(), "says", "WHAT=hello").Output()
	require.NoError(t, err)
	assert.Equal(t, "said hello\n", string(out))
	out, err = Command(t.Context(), "fails").Output()
	require.Error(t, err)
	assert.Contains(t, string(out), "Not equal")
}

func TestPartThatCannotBeDoneIsSkipped(t *testing.T) {
	t.Run("part", func(t *testing.T) {
		t.Cleanup(func() { assert.True(t, t.Skipped()) })
		Run(t, "cannot")
	})
	t.Run("whole", func(t *testing.T) { Run(t, "says") })
}

func TestUnknownPartRunsTheTests(t *testing.T) {
	if os.Getenv(env) != "" {
		return
	}
	cmd := Command(t.Context(), "nosuch")
	cmd.Args = append(cmd.Args, "-test.run", "^$")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(out), "testing: warning: no tests to run"))
}
