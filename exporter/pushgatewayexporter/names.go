package pushgatewayexporter

import "sync"

const (
	// maxNames bounds the values of an attribute.
	maxNames   = 100
	otherNames = "other"
)

// names bounds how many different ones there are.
type names struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

// bounded returns the name, or once there are too many the one that stands for all others.
func (n *names) bounded(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.seen[name]; known {
		return name
	}
	if len(n.seen) >= maxNames {
		return otherNames
	}
	if n.seen == nil {
		n.seen = make(map[string]struct{})
	}
	n.seen[name] = struct{}{}
	return name
}
