package buffer

import (
	"testing"

	"github.com/sluice-metrics/sluice/internal/childtest"
)

func TestMain(m *testing.M) { childtest.Main(m) }
