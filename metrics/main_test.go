package metrics

import (
	"testing"

	"go.uber.org/goleak"

	_ "github.com/sluice-metrics/sluice/internal/proof" // sizes the random proofs
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
