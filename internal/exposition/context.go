package exposition

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// contexts interns resources and scopes, so that what they add to their series is rendered once and shared. A scope
// lives as long as it has series or is being read, a resource as long as it has scopes.
type contexts struct {
	mu        sync.RWMutex
	resources map[string]*resource
	// scopes is indexed by ID; ID 0 is never given out.
	scopes []*scope
	free   []uint32
	serial uint64
	bytes  tally
}

// resource is immutable but for its scopes, which the lock of contexts guards.
type resource struct {
	key    string
	serial uint64
	target target
	scopes map[string]*scope
}

// scope is a scope of a resource. It is immutable but for its count.
type scope struct {
	id       uint32
	key      string
	resource *resource
	// base holds the labels that resource and scope give to their series; labels are the same resolved, shared their text.
	base, labels []label
	shared       []byte
	// users counts the series that have the scope and the batches that read it.
	users atomic.Int64
}

// contextBytes is about what a resource or a scope takes beside its texts.
const contextBytes = 400

func newContexts() contexts {
	return contexts{resources: make(map[string]*resource), scopes: []*scope{nil}}
}

// acquire returns the scope, used by one more; build makes what is missing.
func (c *contexts) acquire(resourceKey, scopeKey []byte, build func() (target, []label)) *scope {
	if sc := c.find(resourceKey, scopeKey); sc != nil {
		return sc
	}
	tg, base := build()
	for _, ls := range [][]label{base, tg.identity, tg.constant, tg.promoted, tg.info} {
		keepTexts(ls)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.resources[string(resourceKey)]
	if r == nil {
		c.serial++
		r = &resource{key: string(resourceKey), serial: c.serial, target: tg, scopes: map[string]*scope{}}
		c.resources[r.key] = r
		c.bytes.add(r.size())
	}
	sc := r.scopes[string(scopeKey)]
	if sc == nil {
		sc = c.add(r, string(scopeKey), base)
	}
	sc.users.Add(1)
	return sc
}

// keepTexts copies what is a part of a batch, or of something larger still.
func keepTexts(ls []label) {
	for i, l := range ls {
		ls[i] = label{strings.Clone(l.key), strings.Clone(l.name), strings.Clone(l.value)}
	}
}

func (c *contexts) find(resourceKey, scopeKey []byte) *scope {
	c.mu.RLock()
	defer c.mu.RUnlock()
	r := c.resources[string(resourceKey)]
	if r == nil {
		return nil
	}
	sc := r.scopes[string(scopeKey)]
	if sc != nil {
		sc.users.Add(1)
	}
	return sc
}

func (c *contexts) add(r *resource, key string, base []label) *scope {
	// No type of metric is known yet: what one reserves is seen to where a series is rendered.
	labels := resolve(slices.Clone(base), dto.MetricType_UNTYPED)
	sc := &scope{key: key, resource: r, base: base, labels: labels, shared: appendLabels(nil, labels)}
	if last := len(c.free) - 1; last >= 0 {
		sc.id = c.free[last]
		c.free = c.free[:last]
		c.scopes[sc.id] = sc
	} else {
		sc.id = uint32(len(c.scopes))
		c.scopes = append(c.scopes, sc)
	}
	r.scopes[key] = sc
	c.bytes.add(sc.size())
	return sc
}

// release takes back a use of a scope. It returns the resource if that has no scope left and is forgotten.
func (c *contexts) release(sc *scope) *resource {
	if sc.users.Add(-1) > 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if sc.users.Load() > 0 || c.scopes[sc.id] != sc {
		return nil
	}
	c.scopes[sc.id] = nil
	c.free = append(c.free, sc.id)
	c.bytes.add(-sc.size())
	r := sc.resource
	delete(r.scopes, sc.key)
	if len(r.scopes) > 0 {
		return nil
	}
	delete(c.resources, r.key)
	c.bytes.add(-r.size())
	return r
}

// scope returns the scope of a series, which keeps it alive.
func (c *contexts) scope(id uint32) *scope {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.scopes[id]
}

func (r *resource) size() int64 {
	return int64(contextBytes + len(r.key) + sizeOf(r.target.info) + sizeOf(r.target.promoted))
}

func (sc *scope) size() int64 {
	return int64(contextBytes + len(sc.key) + len(sc.shared) + sizeOf(sc.base) + sizeOf(sc.labels))
}

func sizeOf(ls []label) int {
	n := 0
	for _, l := range ls {
		n += 48 + len(l.key) + len(l.name) + len(l.value)
	}
	return n
}

// acquireScope returns the scope of a batch with the labels that it and its resource give to their series.
func (b *batch) acquireScope(resourceKey []byte, attrs pcommon.Map, sm pmetric.ScopeMetrics) *scope {
	b.scopeKey = b.scopeKey[:0]
	if !b.opts.WithoutScopeInfo {
		b.scopeKey = appendScopeKey(b.scopeKey, sm)
	}
	return b.contexts.acquire(resourceKey, b.scopeKey, func() (target, []label) {
		tg := b.targetOf(attrs)
		base := slices.Concat(tg.identity, tg.constant, tg.promoted)
		if !b.opts.WithoutScopeInfo {
			base = b.names.appendScope(base, sm.Scope(), sm.SchemaUrl())
		}
		return tg, base
	})
}
