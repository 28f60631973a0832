package main

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// limitShare of the container's memory is for the Go heap and stacks; the rest is room for what the limit does
	// not see: the binary, the kernel's socket buffers and the page cache.
	limitShare = 0.8
	// limitedGCPercent trades memory for CPU where a limit bounds the memory anyway.
	limitedGCPercent = 200
)

// setMemoryLimits derives GOMEMLIMIT and GOGC from a memory limit, that of the container. A variable that is set
// wins; no container, or one without a limit, leaves Go's defaults.
func setMemoryLimits(container memlimit.Provider) {
	limit, err := memlimit.SetGoMemLimitWithOpts(memlimit.WithProvider(container), memlimit.WithRatio(limitShare))
	if err != nil || limit == 0 {
		return
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(limitedGCPercent)
	}
}
