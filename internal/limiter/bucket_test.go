package limiter

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var start = time.Unix(1_000_000, 0)

func requests(perSecond float64, burst int) Limits {
	return Limits{Requests: Rate{perSecond, burst}}
}

func bytes(perSecond float64, burst int) Limits {
	return Limits{Bytes: Rate{perSecond, burst}}
}

func TestRequests(t *testing.T) {
	b := NewBucket(requests(10, 2), 7)
	assert.Equal(t, 7, b.Class())
	var c Charge
	for range 2 {
		l, _ := b.Admit(start, 100, &c)
		require.Equal(t, None, l)
	}
	l, wait := b.Admit(start, 100, &c)
	assert.Equal(t, Requests, l)
	assert.Equal(t, 100*time.Millisecond, wait)
	l, wait = b.Check(start.Add(40 * time.Millisecond))
	assert.Equal(t, Requests, l)
	assert.InDelta(t, 60*time.Millisecond, wait, float64(time.Microsecond))
	l, _ = b.Admit(start.Add(101*time.Millisecond), 100, &c)
	assert.Equal(t, None, l)
}

// TestRefusalsTakeNothing would fail with reservations that are cancelled: of two at once the first gives nothing back.
func TestRefusalsTakeNothing(t *testing.T) {
	b := NewBucket(Limits{Requests: Rate{10, 1}, Bytes: Rate{10, 10}}, 0)
	var c Charge
	b.Admit(start, 5, &c)
	c.Close()
	for range 1000 {
		l, wait := b.Admit(start, 5, &c)
		require.Equal(t, Requests, l)
		require.Equal(t, 100*time.Millisecond, wait)
	}
	assert.Zero(t, b.pending.Load())
}

func TestBytes(t *testing.T) {
	b := NewBucket(bytes(100, 1000), 0)
	var one, two, three Charge
	l, _ := b.Admit(start, 600, &one)
	require.Equal(t, None, l)
	l, _ = b.Admit(start, 600, &two)
	require.Equal(t, None, l, "400 are free yet")
	l, wait := b.Admit(start, 1, &three)
	assert.Equal(t, Bytes, l, "those let in are expected to use all")
	assert.InDelta(t, 2010*time.Millisecond, wait, float64(time.Millisecond))

	l, _ = one.Add(start, 600)
	assert.Equal(t, None, l)
	l, _ = two.Add(start, 600)
	assert.Equal(t, None, l)
	tokens, _ := b.Tokens(start, Bytes)
	assert.InDelta(t, -200, tokens, 0.01)
	one.Close()
	two.Close()
	l, wait = b.Check(start)
	assert.Equal(t, Bytes, l, "in debt")
	assert.InDelta(t, 2010*time.Millisecond, wait, float64(time.Millisecond))
	l, _ = b.Admit(start.Add(3*time.Second), 0, &three)
	assert.Equal(t, None, l)
}

func TestDebtIsBounded(t *testing.T) {
	b := NewBucket(bytes(100, 1000), 0)
	var c Charge
	l, _ := b.Admit(start, 10, &c)
	require.Equal(t, None, l)
	l, _ = c.Add(start, 2000)
	assert.Equal(t, None, l)
	l, wait := c.Add(start, 1)
	assert.Equal(t, Bytes, l)
	assert.InDelta(t, 10*time.Second, wait, float64(20*time.Millisecond))
	tokens, _ := b.Tokens(start, Bytes)
	assert.InDelta(t, -1000, tokens, 0.01, "what is refused is not charged")
}

func TestDebtOfManyAtOnceIsBounded(t *testing.T) {
	for range 1000 {
		b := NewBucket(bytes(1, 1000), 0)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				var c Charge
				b.Admit(start, 0, &c)
				for range 50 {
					c.Add(start, 300)
				}
				c.Close()
			})
		}
		wg.Wait()
		tokens, _ := b.Tokens(start, Bytes)
		require.GreaterOrEqual(t, tokens, -1000.0)
	}
}

// TestTimeBringsTokensOnce though callers come in another order than they looked at the clock.
func TestTimeBringsTokensOnce(t *testing.T) {
	b := NewBucket(Limits{Requests: Rate{1, 10}, Bytes: Rate{1, 10}}, 0)
	later := start.Add(5 * time.Second)
	var one, two Charge
	b.Admit(later, 0, &one)
	b.Admit(start, 0, &two)
	one.Add(later, 1)
	two.Add(start, 1)
	for _, of := range []Limit{Requests, Bytes} {
		tokens, _ := b.Tokens(later, of)
		assert.InDelta(t, 8, tokens, 0)
	}
	two.Return(start)
	tokens, _ := b.Tokens(later, Requests)
	assert.InDelta(t, 9, tokens, 0)
}

func TestReturned(t *testing.T) {
	b := NewBucket(Limits{Requests: Rate{10, 2}, Bytes: Rate{10, 10}}, 0)
	var one, two Charge
	b.Admit(start, 5, &one)
	b.Admit(start, 5, &two)
	two.Return(start)
	two.Return(start)
	tokens, _ := b.Tokens(start, Requests)
	assert.InDelta(t, 1, tokens, 0)
	assert.Equal(t, int64(5), b.Expected())
	later := start.Add(time.Hour)
	one.Return(later)
	tokens, _ = b.Tokens(later, Requests)
	assert.InDelta(t, 2, tokens, 0, "there is never more than the burst")
	NewBucket(Limits{}, 0).Admit(start, 5, &one)
	one.Return(start)
}

func TestWhatDidNotComeIsExpectedNoMore(t *testing.T) {
	b := NewBucket(bytes(100, 1000), 0)
	var c Charge
	b.Admit(start, 5000, &c)
	c.Add(start, 10)
	assert.Equal(t, int64(4990), b.pending.Load())
	c.Close()
	c.Close()
	assert.Zero(t, b.pending.Load())
	assert.False(t, b.full(start))
	assert.True(t, b.full(start.Add(time.Second)))
}

func TestWithoutLimits(t *testing.T) {
	b := NewBucket(Limits{}, 0)
	var c Charge
	l, _ := b.Admit(start, 1<<60, &c)
	assert.Equal(t, None, l)
	l, _ = c.Add(start, 1<<60)
	assert.Equal(t, None, l)
	c.Close()
	l, _ = b.Check(start)
	assert.Equal(t, None, l)
	_, ok := b.Tokens(start, Requests)
	assert.False(t, ok)
	assert.True(t, b.full(start))
	var none *Bucket
	assert.Equal(t, b.Most(), none.Most())
}

// TestRateHolds plays requests that come, bring bytes in pieces, and end or break off, and sums what was let in.
func TestRateHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{
			Requests: Rate{float64(rapid.IntRange(1, 50).Draw(t, "rps")), rapid.IntRange(1, 20).Draw(t, "burst")},
			Bytes:    Rate{float64(rapid.IntRange(1, 1000).Draw(t, "Bps")), rapid.IntRange(1, 500).Draw(t, "bytesBurst")},
		}
		b := NewBucket(limits, 0)
		var under []*Charge
		now := start
		var admitted, charged float64
		t.Repeat(map[string]func(*rapid.T){
			"admit": func(t *rapid.T) {
				c := &Charge{}
				l, wait := b.Admit(now, rapid.Int64Range(0, 700).Draw(t, "expected"), c)
				if l == None {
					admitted++
					under = append(under, c)
				} else if wait <= 0 {
					t.Fatal("refused without a time to wait")
				}
			},
			"add": func(t *rapid.T) {
				if len(under) == 0 {
					t.Skip()
				}
				n := rapid.Int64Range(0, 300).Draw(t, "bytes")
				if l, _ := rapid.SampledFrom(under).Draw(t, "request").Add(now, n); l == None {
					charged += float64(n)
				}
			},
			"close": func(t *rapid.T) {
				if len(under) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(under)-1).Draw(t, "request")
				under[i].Close()
				under = append(under[:i], under[i+1:]...)
			},
			"later": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "later")))
			},
			"": func(t *rapid.T) {
				passed := now.Sub(start).Seconds()
				if most := float64(limits.Requests.Burst) + passed*limits.Requests.PerSecond; admitted > most+0.001 {
					t.Fatalf("%v requests in %vs", admitted, passed)
				}
				if most := 2*float64(limits.Bytes.Burst) + passed*limits.Bytes.PerSecond; charged > most+0.001 {
					t.Fatalf("%v bytes in %vs", charged, passed)
				}
				var pending int64
				for _, c := range under {
					if c.pending < 0 {
						t.Fatal("less than nothing is pending")
					}
					pending += c.pending
				}
				if b.pending.Load() != pending {
					t.Fatalf("%d bytes are pending, want %d", b.pending.Load(), pending)
				}
			},
		})
	})
}

func TestConcurrentAdmissions(t *testing.T) {
	b := NewBucket(Limits{Requests: Rate{1, 100}, Bytes: Rate{1, 1000}}, 0)
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				var c Charge
				if l, _ := b.Admit(start, 10, &c); l == None {
					admitted.Add(1)
					c.Add(start, 10)
				}
				c.Close()
			}
		})
	}
	wg.Wait()
	assert.Equal(t, int64(100), admitted.Load())
	assert.Zero(t, b.pending.Load())
}

func TestAdmittingAllocatesNothing(t *testing.T) {
	b := NewBucket(Limits{Requests: Rate{1e9, 1e9}, Bytes: Rate{1e9, 1e9}}, 0)
	now := start
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Microsecond)
		var c Charge
		b.Admit(now, 100, &c)
		c.Add(now, 100)
		c.Close()
	}))
}
