package limiter

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var plenty = Limits{Requests: Rate{1e12, 1e9}, Bytes: Rate{1e12, 1e9}}

// BenchmarkAdmit is what a request costs that one bucket and the bounds on what is in flight let in.
func BenchmarkAdmit(b *testing.B) {
	bucket := NewBucket(plenty, 0)
	in := InFlight{MaxRequests: 1000, MaxBytes: 1 << 30}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var c Charge
		var s Slot
		now := time.Now()
		for pb.Next() {
			now = now.Add(time.Microsecond)
			in.Enter(&s, 1000)
			bucket.Admit(now, 1000, &c)
			c.Add(now, 1000)
			c.Close()
			s.Leave()
		}
	})
}

func BenchmarkRefuse(b *testing.B) {
	bucket := NewBucket(requests(0.001, 1), 0)
	var c Charge
	bucket.Admit(start, 0, &c)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			bucket.Admit(start, 0, &c)
		}
	})
}

// BenchmarkKeyed finds buckets: hot is one key for all, known are as many as are remembered, strange are twice as many.
func BenchmarkKeyed(b *testing.B) {
	const keys = 10_000
	names := make([]string, 2*keys)
	for i := range names {
		names[i] = "tenant-" + strconv.Itoa(i)
	}
	for name, n := range map[string]int{"hot": 1, "known": keys / 2, "strange": 2 * keys} {
		b.Run(name, func(b *testing.B) {
			k := NewKeyed(KeyedSettings[string]{Limits: plenty, MaxKeys: keys, Clone: strings.Clone})
			var who atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := int(who.Add(1)) * 7919
				for pb.Next() {
					i++
					k.Bucket(start, names[i%n])
				}
			})
		})
	}
}
