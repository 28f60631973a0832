package limiter

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestInFlight(t *testing.T) {
	f := InFlight{MaxRequests: 2, MaxBytes: 100}
	var a, b, c Slot
	require.Equal(t, None, f.Enter(&a, 60))
	require.Equal(t, InFlightBytes, f.Enter(&b, 41))
	require.Equal(t, None, f.Enter(&b, 40))
	require.Equal(t, InFlightRequests, f.Enter(&c, 0))
	assert.False(t, a.Resize(61))
	assert.Equal(t, int64(60), a.Bytes())
	assert.True(t, b.Resize(10))
	assert.True(t, a.Resize(90))
	f.Force(&c, 1000)
	n, bytes := f.Now()
	assert.Equal(t, []int64{3, 1100}, []int64{n, bytes})
	for _, s := range []*Slot{&a, &b, &c, &a, &c} {
		s.Leave()
	}
	n, bytes = f.Now()
	assert.Zero(t, n+bytes)
	var none Slot
	assert.True(t, none.Resize(5))
	none.Leave()
}

func TestInFlightBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := InFlight{MaxRequests: rapid.Int64Range(0, 4).Draw(t, "requests"), MaxBytes: rapid.Int64Range(0, 100).Draw(t, "bytes")}
		var under []*Slot
		pick := func(t *rapid.T) int {
			if len(under) == 0 {
				t.Skip()
			}
			return rapid.IntRange(0, len(under)-1).Draw(t, "slot")
		}
		amount := rapid.Int64Range(0, 120)
		t.Repeat(map[string]func(*rapid.T){
			"enter": func(t *rapid.T) {
				s := &Slot{}
				n, bytes := f.Now()
				size := amount.Draw(t, "size")
				fits := (f.MaxRequests == 0 || n < f.MaxRequests) && (f.MaxBytes == 0 || bytes+size <= f.MaxBytes)
				if got := f.Enter(s, size); (got == None) != fits {
					t.Fatalf("entered: %v, want %v", got, fits)
				}
				if fits {
					under = append(under, s)
				}
			},
			"resize": func(t *rapid.T) { under[pick(t)].Resize(amount.Draw(t, "size")) },
			"leave": func(t *rapid.T) {
				i := pick(t)
				under[i].Leave()
				under[i].Leave()
				under = append(under[:i], under[i+1:]...)
			},
			"": func(t *rapid.T) {
				var want int64
				for _, s := range under {
					want += s.bytes
				}
				n, bytes := f.Now()
				if n != int64(len(under)) || bytes != want {
					t.Fatalf("%d requests of %d bytes, want %d of %d", n, bytes, len(under), want)
				}
				if f.MaxBytes > 0 && bytes > f.MaxBytes || f.MaxRequests > 0 && n > f.MaxRequests {
					t.Fatal("more than the bound")
				}
			},
		})
	})
}

func TestConcurrentInFlight(t *testing.T) {
	f := InFlight{MaxRequests: 3, MaxBytes: 100}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				var s Slot
				if f.Enter(&s, 10) == None {
					s.Resize(40)
					n, bytes := f.Now()
					assert.True(t, n <= 3 && bytes <= 100)
				}
				s.Leave()
			}
		})
	}
	wg.Wait()
	n, bytes := f.Now()
	assert.Zero(t, n+bytes)
}

func TestEstimate(t *testing.T) {
	var e Estimate
	assert.Equal(t, int64(firstEstimate), e.Bytes())
	for range 20 {
		e.Observe(1 << 20)
	}
	assert.InDelta(t, 1<<20, e.Bytes(), 10, "follows larger ones fast")
	e.Observe(0)
	assert.Greater(t, e.Bytes(), int64(900_000), "and smaller ones slowly")
	for range 400 {
		e.Observe(0)
	}
	assert.Positive(t, e.Bytes())
	assert.Less(t, e.Bytes(), int64(32))
}
