package guardextension

import (
	"fmt"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/memgate"
)

// newGate resolves the limit.
func newGate(c *MemoryConfig, logger *zap.Logger) (*memgate.Gate, error) {
	limit := c.LimitMiB << 20
	if limit == 0 {
		total, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
		if err != nil {
			return nil, fmt.Errorf("memory: limit_percentage: the memory of this machine is not known, set limit_mib: %w", err)
		}
		limit = total / 100 * uint64(c.LimitPercentage)
	}
	return memgate.New(memgate.Settings{
		Limit: limit, Resume: limit / 100 * uint64(c.ResumePercentage), Interval: c.CheckInterval,
		Changed: func(open bool, used uint64) { logMemory(logger, open, used, limit) },
	}, time.Now()), nil
}

func logMemory(logger *zap.Logger, open bool, used, limit uint64) {
	fields := []zap.Field{zap.Uint64("used_mib", used>>20), zap.Uint64("limit_mib", limit>>20)}
	if open {
		logger.Info("Requests are taken again: there is memory", fields...)
		return
	}
	logger.Warn("Requests are refused: memory is low", fields...)
}
