package pushgroup

import (
	"testing"

	"go.uber.org/goleak"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
