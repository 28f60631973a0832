package main

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMemoryLimitsFollowTheContainer(t *testing.T) {
	const gib = 1 << 30
	share := 0.8 * float64(gib)
	eightTenths := int64(share)
	none := func() (uint64, error) { return 0, memlimit.ErrNoLimit }
	for name, tc := range map[string]struct {
		container memlimit.Provider
		env       map[string]string
		limit     int64
		percent   int
	}{
		"limited":           {memlimit.Limit(gib), nil, eightTenths, 200},
		"not limited":       {none, nil, math.MaxInt64, 100},
		"GOGC is set":       {memlimit.Limit(gib), map[string]string{"GOGC": "50"}, eightTenths, 100},
		"GOMEMLIMIT is set": {memlimit.Limit(gib), map[string]string{"GOMEMLIMIT": "100MiB"}, math.MaxInt64, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", "")
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			limit, percent := debug.SetMemoryLimit(math.MaxInt64), debug.SetGCPercent(100)
			t.Cleanup(func() {
				debug.SetMemoryLimit(limit)
				debug.SetGCPercent(percent)
			})
			setMemoryLimits(tc.container)
			assert.Equal(t, tc.limit, debug.SetMemoryLimit(-1))
			got := debug.SetGCPercent(100)
			require.Equal(t, tc.percent, got)
		})
	}
}
