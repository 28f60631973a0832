package limiter

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// Classes of the buckets of a Keyed: those of most keys, the one that all share for whom there is no room, and from Named on
// those with limits of their own, in the order of the settings.
const (
	Default = iota
	Overflow
	Named
)

// Own are limits of one key.
type Own[K comparable] struct {
	Key    K
	Limits Limits
}

// KeyedSettings are those of a Keyed.
type KeyedSettings[K comparable] struct {
	// Limits are those of each key, and of Overflow.
	Limits Limits
	// Named are keys with limits of their own. Their buckets are always there.
	Named []Own[K]
	// MaxKeys bounds how many others are remembered, at least 1.
	MaxKeys int
	// Clone returns a key that may be kept, nil if any may.
	Clone func(K) K
}

// Keyed has a bucket for each key. The least recently used is forgotten for a new one, but only once it is full again: who
// comes under ever new names does not get new tokens for ever, and nobody's debt is forgiven. One that is not full yet counts
// as used when it is looked at. While none is found to forget, new keys share one bucket.
type Keyed[K comparable] struct {
	set      KeyedSettings[K]
	seed     maphash.Seed
	named    map[K]*Bucket
	overflow *Bucket
	shards   []shard[K]
	evicted  atomic.Int64
}

// shard is an LRU list of its own, so that keys seldom wait for each other.
type shard[K comparable] struct {
	mu   sync.Mutex
	max  int
	keys map[K]*entry[K]
	// root closes the ring: root.next was used last, root.prev longest ago.
	root entry[K]
	_    [64]byte // keeps the locks of two shards out of one cache line
}

type entry[K comparable] struct {
	prev, next *entry[K]
	key        K
	bucket     *Bucket
}

const (
	mostShards   = 16
	keysPerShard = 64 // at least, so that shards fill evenly enough
)

// NewKeyed returns one without keys but those named.
func NewKeyed[K comparable](set KeyedSettings[K]) *Keyed[K] {
	k := &Keyed[K]{set: set, seed: maphash.MakeSeed(), named: map[K]*Bucket{}, overflow: NewBucket(set.Limits, Overflow)}
	for i, own := range set.Named {
		k.named[own.Key] = NewBucket(own.Limits, Named+i)
	}
	shards := 1
	for shards < mostShards && set.MaxKeys/(2*shards) >= keysPerShard {
		shards *= 2
	}
	k.shards = make([]shard[K], shards)
	for i := range k.shards {
		k.shards[i].init(set.MaxKeys / shards)
	}
	return k
}

func (s *shard[K]) init(maxKeys int) {
	s.max, s.keys = max(maxKeys, 1), map[K]*entry[K]{}
	s.root.prev, s.root.next = &s.root, &s.root
}

// Bucket returns that of the key.
func (k *Keyed[K]) Bucket(now time.Time, key K) *Bucket {
	if b, ok := k.named[key]; ok {
		return b
	}
	s := &k.shards[0]
	if n := len(k.shards); n > 1 {
		s = &k.shards[maphash.Comparable(k.seed, key)&uint64(n-1)]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.keys[key]; ok {
		s.use(e)
		return e.bucket
	}
	if len(s.keys) >= s.max && !k.forget(s, now) {
		return k.overflow
	}
	return k.remember(s, key)
}

func (k *Keyed[K]) remember(s *shard[K], key K) *Bucket {
	if k.set.Clone != nil {
		key = k.set.Clone(key)
	}
	e := &entry[K]{key: key, bucket: NewBucket(k.set.Limits, Default)}
	s.keys[key] = e
	e.link(&s.root)
	return e.bucket
}

// forgetTries bounds how many buckets a new key looks at.
const forgetTries = 4

// forget makes room, if that forgives nothing.
func (k *Keyed[K]) forget(s *shard[K], now time.Time) bool {
	for range min(forgetTries, len(s.keys)) {
		oldest := s.root.prev
		if oldest.bucket.full(now) {
			oldest.unlink()
			delete(s.keys, oldest.key)
			k.evicted.Add(1)
			return true
		}
		s.use(oldest) // so that what takes long to fill does not hide what is full
	}
	return false
}

func (s *shard[K]) use(e *entry[K]) {
	if s.root.next != e {
		e.unlink()
		e.link(&s.root)
	}
}

func (e *entry[K]) link(root *entry[K]) {
	e.prev, e.next = root, root.next
	e.prev.next, e.next.prev = e, e
}

func (e *entry[K]) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

// Named returns the bucket of the i-th key with limits of its own.
func (k *Keyed[K]) Named(i int) *Bucket { return k.named[k.set.Named[i].Key] }

// Counts tells how many keys are remembered, besides those named, and how many were forgotten.
func (k *Keyed[K]) Counts() (remembered int, evicted int64) {
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.Lock()
		remembered += len(s.keys)
		s.mu.Unlock()
	}
	return remembered, k.evicted.Load()
}
