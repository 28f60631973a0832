package series

import (
	"sync"
	"time"
)

// cacheShards is a power of two; more shards than goroutines that ask keep them out of each other's way.
const cacheShards = 64

// Cache remembers a value per fingerprint. It is bounded and forgets what nobody has asked for: entries are young until
// their shard has filled half its share or half the expiration has passed, then old, and an old entry that is not asked
// for goes with the next turn. All methods may be called concurrently.
type Cache[V any] struct {
	shards [cacheShards]cacheShard[V]
	// share is how many young entries a shard may have, and how many old ones.
	share int
	// halfLife is how long entries stay young at most.
	halfLife time.Duration
	mu       sync.Mutex
	turned   time.Time
}

type cacheShard[V any] struct {
	mu         sync.RWMutex
	young, old map[Fingerprint]V
	_          [32]byte // keeps the locks of neighbours out of one cache line
}

// NewCache returns a cache of at most about limit entries, that forgets one between expiration/2 and expiration after it
// was last asked for.
func NewCache[V any](limit int, expiration time.Duration) *Cache[V] {
	return &Cache[V]{share: max(1, limit/2/cacheShards), halfLife: expiration / 2, turned: time.Now()}
}

func (c *Cache[V]) shard(f Fingerprint) *cacheShard[V] { return &c.shards[f.lo%cacheShards] }

// Get returns the value of f, if it is known.
func (c *Cache[V]) Get(f Fingerprint) (V, bool) {
	s := c.shard(f)
	s.mu.RLock()
	v, young := s.young[f]
	known := young
	if !young {
		v, known = s.old[f]
	}
	s.mu.RUnlock()
	if known && !young {
		s.put(f, v, c.share)
	}
	return v, known
}

// Put remembers the value of f.
func (c *Cache[V]) Put(f Fingerprint, v V) { c.shard(f).put(f, v, c.share) }

func (s *cacheShard[V]) put(f Fingerprint, v V, share int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= share {
		s.turn()
	}
	if s.young == nil {
		s.young = make(map[Fingerprint]V)
	}
	s.young[f] = v
	delete(s.old, f)
}

func (s *cacheShard[V]) turn() { s.old, s.young = s.young, nil }

// Age turns young entries old when they have been young for half the expiration, and reports whether it did.
func (c *Cache[V]) Age() (aged bool) {
	if !c.due(time.Now()) {
		return false
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.turn()
		s.mu.Unlock()
	}
	return true
}

func (c *Cache[V]) due(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.turned) < c.halfLife {
		return false
	}
	c.turned = now
	return true
}

// Len is the number of entries.
func (c *Cache[V]) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.young) + len(s.old)
		s.mu.RUnlock()
	}
	return n
}
