package proof

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSetReachesRapid(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	t.Cleanup(func() { set("rapid.checks", before) })
	set("rapid.checks", "")
	assert.Equal(t, before, checks.Value.String())
	set("rapid.checks", "7")
	assert.Equal(t, "7", checks.Value.String())
	assert.Panics(t, func() { set("rapid.checks", "many") })
}
