package kubetest

import (
	"maps"
	"slices"
	"strconv"
	"sync"
)

// change is one step of the cluster's history; before or after is nil where the object is created or deleted.
type change struct {
	version       int
	resource      string
	before, after Object
}

// store holds what exists and how it came to be. Its versions count changes and begin at 1, the empty cluster: 0 means
// "any" to clients. Objects are never changed once they are in it.
type store struct {
	mu      sync.Mutex
	objects map[string]map[string]Object // by resource, by namespace/name
	history []change
	changed chan struct{} // closed by the next change
}

func newStore() *store {
	return &store{objects: map[string]map[string]Object{}, changed: make(chan struct{})}
}

func keyOf(o Object) string { return o.GetNamespace() + "/" + o.GetName() }

// put creates or replaces.
func (s *store) put(o Object) {
	o = o.DeepCopyObject().(Object)
	resource := resourceOf(o)
	o.GetObjectKind().SetGroupVersionKind(kinds[resource])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(change{resource: resource, before: s.objects[resource][keyOf(o)], after: o})
	if s.objects[resource] == nil {
		s.objects[resource] = map[string]Object{}
	}
	s.objects[resource][keyOf(o)] = o
}

// remove reports whether there was such an object.
func (s *store) remove(o Object) bool {
	resource := resourceOf(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	before, ok := s.objects[resource][keyOf(o)]
	if !ok {
		return false
	}
	// A deletion has a version of its own, which watchers see on the object.
	before = before.DeepCopyObject().(Object)
	delete(s.objects[resource], keyOf(o))
	s.add(change{resource: resource, before: before})
	return true
}

// add numbers a change and stamps what watchers will see of it.
func (s *store) add(c change) {
	c.version = s.version() + 1
	seen := c.after
	if seen == nil {
		seen = c.before
	}
	seen.SetResourceVersion(strconv.Itoa(c.version))
	s.history = append(s.history, c)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *store) version() int { return len(s.history) + 1 }

// list returns the objects of a resource in the order of their keys, and the version they are of.
func (s *store) list(resource string) (objects []Object, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.objects[resource]
	for _, key := range slices.Sorted(maps.Keys(all)) {
		objects = append(objects, all[key])
	}
	return objects, s.version()
}

// since returns the changes after a version, and what is closed when there are more.
func (s *store) since(version int) (changes []change, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.history[min(version, s.version())-1:], s.changed
}
