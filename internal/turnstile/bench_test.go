package turnstile

import (
	"strconv"
	"sync/atomic"
	"testing"
)

func BenchmarkFree(b *testing.B) {
	for _, s := range []struct {
		name string
		ts   *Turnstile
	}{{"limit", New(1)}, {"no limit", nil}} {
		b.Run(s.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				_ = s.ts.Enter(ctx, "a")
				s.ts.Leave()
			}
		})
	}
}

// BenchmarkFull has 64 callers for each place.
func BenchmarkFull(b *testing.B) {
	for _, groups := range []int{1, 16} {
		b.Run(strconv.Itoa(groups)+" groups", func(b *testing.B) {
			ts, ctx := New(1), b.Context()
			var callers atomic.Int64
			b.SetParallelism(64)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				group := strconv.Itoa(int(callers.Add(1)) % groups)
				for pb.Next() {
					_ = ts.Enter(ctx, group)
					ts.Leave()
				}
			})
		})
	}
}
