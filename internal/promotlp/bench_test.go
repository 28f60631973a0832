package promotlp

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// benchPage has counters, gauges and histograms of 10k series, as an ordinary target has them.
func benchPage() []byte {
	var b strings.Builder
	for m := range 20 {
		fmt.Fprintf(&b, "# HELP app_requests_%d_total How many.\n# TYPE app_requests_%d_total counter\n", m, m)
		for i := range 300 {
			fmt.Fprintf(&b, "app_requests_%d_total{method=\"GET\",route=\"/api/v1/orders/%d\",status=\"200\",pool=\"p%d\"} %d\n", m, i, i%7, i*1000+m)
		}
	}
	for m := range 20 {
		fmt.Fprintf(&b, "# TYPE app_latency_%d_seconds histogram\n", m)
		for i := range 15 {
			for _, le := range []string{"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"} {
				fmt.Fprintf(&b, "app_latency_%d_seconds_bucket{method=\"GET\",route=\"/api/v1/orders/%d\",le=\"%s\"} %d\n", m, i, le, 1000)
			}
			fmt.Fprintf(&b, "app_latency_%d_seconds_sum{method=\"GET\",route=\"/api/v1/orders/%d\"} 17.25\n", m, i)
			fmt.Fprintf(&b, "app_latency_%d_seconds_count{method=\"GET\",route=\"/api/v1/orders/%d\"} 1000\n", m, i)
		}
	}
	return []byte(b.String())
}

func BenchmarkPage(b *testing.B) {
	page := benchPage()
	c := New(newTarget(), newOptions())
	at := time.Unix(1000, 0)
	run := func() {
		at = at.Add(time.Second)
		if err := c.Read(page, "text/plain", at); err != nil {
			b.Fatal(err)
		}
		c.Batch(Report{At: at, Up: true})
		c.Delivered(nil)
	}
	run()
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Counts().Scraped), "ns/sample")
}
