package limiter

import (
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func take(b *Bucket, now time.Time) bool {
	var c Charge
	l, _ := b.Admit(now, 0, &c)
	c.Close()
	return l == None
}

func TestKeysHaveBucketsOfTheirOwn(t *testing.T) {
	k := NewKeyed(KeyedSettings[string]{
		Limits: requests(1, 1), MaxKeys: 10,
		Named: []Own[string]{{"gold", requests(1, 3)}, {"free", Limits{}}},
	})
	assert.True(t, take(k.Bucket(start, "a"), start))
	assert.False(t, take(k.Bucket(start, "a"), start))
	assert.True(t, take(k.Bucket(start, "b"), start))
	for range 3 {
		assert.True(t, take(k.Bucket(start, "gold"), start))
	}
	assert.False(t, take(k.Bucket(start, "gold"), start))
	for range 100 {
		require.True(t, take(k.Bucket(start, "free"), start))
	}
	assert.Equal(t, []int{Default, Named, Named + 1},
		[]int{k.Bucket(start, "a").Class(), k.Bucket(start, "gold").Class(), k.Named(1).Class()})
	assert.Same(t, k.Named(0), k.Bucket(start, "gold"))
	n, evicted := k.Counts()
	assert.Equal(t, 2, n)
	assert.Zero(t, evicted)
}

func TestForgettingForgivesNothing(t *testing.T) {
	k := NewKeyed(KeyedSettings[string]{Limits: requests(1, 1), MaxKeys: 2})
	take(k.Bucket(start, "a"), start)
	take(k.Bucket(start, "b"), start)
	over := k.Bucket(start, "c")
	assert.Equal(t, Overflow, over.Class(), "a and b owe yet")
	assert.Same(t, over, k.Bucket(start, "d"))

	later := start.Add(time.Second)
	take(k.Bucket(later, "a"), later)
	assert.Equal(t, Default, k.Bucket(later, "c").Class(), "b is full")
	assert.False(t, take(k.Bucket(later, "a"), later), "a was not forgotten")
	n, evicted := k.Counts()
	assert.Equal(t, 2, n)
	assert.Equal(t, int64(1), evicted)
}

// TestWhoOwesLongHidesNobody: one bucket that takes long to fill is no reason to keep those that are full.
func TestWhoOwesLongHidesNobody(t *testing.T) {
	k := NewKeyed(KeyedSettings[string]{Limits: requests(0.001, 10), MaxKeys: 20})
	for range 10 {
		take(k.Bucket(start, "in debt"), start)
	}
	for i := range 19 {
		k.Bucket(start, strconv.Itoa(i))
	}
	for i := range 100 {
		assert.Equal(t, Default, k.Bucket(start, "new "+strconv.Itoa(i)).Class())
	}
	assert.False(t, take(k.Bucket(start, "in debt"), start), "it is not forgotten")
}

// TestNewNamesBringNoNewTokens: who changes its name with each request gets what max_keys clients get, and no more.
func TestNewNamesBringNoNewTokens(t *testing.T) {
	const keys, seconds, burst = 100, 20, 5
	k := NewKeyed(KeyedSettings[int]{Limits: requests(1, burst), MaxKeys: keys})
	admitted := 0
	for i := range 200_000 {
		now := start.Add(time.Duration(i) * seconds * time.Second / 200_000)
		if take(k.Bucket(now, i), now) {
			admitted++
		}
	}
	assert.LessOrEqual(t, admitted, (keys+1)*(burst+seconds))
}

func TestAMillionKeysAreBounded(t *testing.T) {
	for keys, strangers := range map[int]int{1: 200_000, 10_000: 1_000_000} {
		k := NewKeyed(KeyedSettings[string]{Limits: Limits{Requests: Rate{1, 1}, Bytes: Rate{1, 1}}, MaxKeys: keys, Clone: strings.Clone})
		var before, after runtime.MemStats
		now := start
		for i := range strangers {
			if i == 100_000 {
				runtime.GC()
				runtime.ReadMemStats(&before)
			}
			now = now.Add(time.Millisecond)
			take(k.Bucket(now, "key "+strconv.Itoa(i)), now)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		n, _ := k.Counts()
		assert.LessOrEqual(t, n, keys)
		assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(1<<20), "%d keys", keys)
		runtime.KeepAlive(k)
	}
}

func TestShards(t *testing.T) {
	for keys, shards := range map[int]int{1: 1, 127: 1, 128: 2, 500: 4, 1024: 16, 1_000_000: 16} {
		k := NewKeyed(KeyedSettings[netip.Addr]{MaxKeys: keys})
		assert.Len(t, k.shards, shards)
	}
}

// TestModel compares one shard with a list in the order of use.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.IntRange(1, 7).Draw(t, "keys")
		k := NewKeyed(KeyedSettings[int]{Limits: requests(1, 2), MaxKeys: keys})
		type used struct {
			key    int
			bucket *Bucket
		}
		var order []used // the last was used last
		now := start
		forgetOne := func() bool {
			for range min(forgetTries, keys) {
				oldest := order[0]
				order = order[1:]
				if oldest.bucket.full(now) {
					return true
				}
				order = append(order, oldest)
			}
			return false
		}
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "later")) * 500 * time.Millisecond)
			key := rapid.IntRange(0, 10).Draw(t, "key")
			got := k.Bucket(now, key)
			at := -1
			for i, u := range order {
				if u.key == key {
					at = i
				}
			}
			switch {
			case at >= 0:
				if got != order[at].bucket {
					t.Fatal("not the key's bucket")
				}
				order = append(append(order[:at:at], order[at+1:]...), order[at])
			case len(order) == keys && !forgetOne():
				if got.Class() != Overflow {
					t.Fatal("want the bucket that is shared")
				}
			default:
				if got.Class() != Default || !got.full(now) {
					t.Fatal("want a new bucket")
				}
				order = append(order, used{key, got})
			}
			if rapid.Bool().Draw(t, "take") {
				take(got, now)
			}
		}
	})
}

func TestConcurrentKeys(t *testing.T) {
	k := NewKeyed(KeyedSettings[string]{Limits: requests(1000, 10), MaxKeys: 200, Clone: strings.Clone})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 5000 {
				take(k.Bucket(time.Now(), strconv.Itoa((i*7+g)%1000)), time.Now())
			}
		})
	}
	wg.Wait()
	n, _ := k.Counts()
	assert.LessOrEqual(t, n, 200)
}

func TestKnownKeysAllocateNothing(t *testing.T) {
	texts := NewKeyed(KeyedSettings[string]{Limits: requests(1, 1), MaxKeys: 1000, Clone: strings.Clone})
	addrs := NewKeyed(KeyedSettings[netip.Addr]{Limits: requests(1, 1), MaxKeys: 1000})
	addr := netip.MustParseAddr("2001:db8::1")
	texts.Bucket(start, "tenant")
	addrs.Bucket(start, addr)
	assert.Zero(t, testing.AllocsPerRun(1000, func() { texts.Bucket(start, "tenant") }))
	assert.Zero(t, testing.AllocsPerRun(1000, func() { addrs.Bucket(start, addr) }))
}
