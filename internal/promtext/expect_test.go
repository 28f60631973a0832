package promtext

import (
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// seriesOf returns the series of a page as far as it can be read.
func seriesOf(page []byte, openMetrics bool) (all [][]byte) {
	var p Parser
	p.reset(page, openMetrics)
	for {
		e, err := p.Next()
		if err != nil {
			return all
		}
		if e == EntrySample {
			all = append(all, p.Series())
		}
	}
}

// readExpecting reads a page while expecting what a function says for each entry.
func readExpecting(page []byte, openMetrics bool, expect func() []byte) read {
	var p Parser
	p.reset(page, openMetrics)
	var r read
	for {
		p.Expect(expect())
		e, err := p.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.err = err
			}
			return r
		}
		r.take(&p, e)
	}
}

// What is expected, rightly or not, changes nothing.
func FuzzExpect(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s), []byte(s), true)
		f.Add([]byte(s), []byte("a {b=\"c\"} 1\na 1\na{b=\"c\"} 1\n"), false)
	}
	f.Fuzz(func(t *testing.T, page, before []byte, openMetrics bool) {
		known := append(seriesOf(page, openMetrics), seriesOf(before, openMetrics)...)
		known = append(known, nil)
		plain := readByUs(page, openMetrics)
		random := rand.New(rand.NewPCG(1, uint64(len(page))))
		assert.Equal(t, plain, readExpecting(page, openMetrics, func() []byte { return known[random.IntN(len(known))] }))
		next := 0
		assert.Equal(t, plain, readExpecting(page, openMetrics, func() []byte {
			next++
			return known[next%len(known)]
		}))
	})
}

func BenchmarkExpected(b *testing.B) {
	page := []byte("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\",instance_type=\"m5.large\",zone=\"eu-west-1a\"} 12345.67\n")
	series := seriesOf(page, false)[0]
	var p Parser
	b.ReportAllocs()
	for b.Loop() {
		p.ResetText(page)
		p.Expect(series)
		_, _ = p.Next()
	}
}
