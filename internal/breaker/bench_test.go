package breaker

import (
	"testing"
	"time"
)

func BenchmarkClosed(b *testing.B) {
	br := New(patient)
	b.ReportAllocs()
	for b.Loop() {
		ticket, _ := br.Allow(start)
		ticket.Success()
	}
}

func BenchmarkOpen(b *testing.B) {
	br := New(patient)
	open(br, 0)
	b.ReportAllocs()
	for b.Loop() {
		br.Allow(start)
	}
}

// BenchmarkRound opens, tries and closes.
func BenchmarkRound(b *testing.B) {
	br := New(patient)
	later := start.Add(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		open(br, 0)
		ticket, _ := br.Allow(later)
		ticket.Success()
	}
}

func BenchmarkParallel(b *testing.B) {
	br := New(patient)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ticket, _ := br.Allow(start)
			ticket.Success()
		}
	})
}
