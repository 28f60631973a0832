package exposition

import (
	"strings"
	"sync"
)

// maxLabelNames bounds the label names remembered; attribute keys beyond are translated each time.
const maxLabelNames = 1 << 14

// labelNames remembers what attribute keys become. The zero value is empty.
type labelNames struct {
	mu    sync.RWMutex
	names map[string]string
}

func (n *labelNames) get(key string) (string, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	name, ok := n.names[key]
	return name, ok
}

// add keeps copies, so that the batch a key came with is not kept alive.
func (n *labelNames) add(key, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names == nil {
		n.names = make(map[string]string)
	}
	if len(n.names) < maxLabelNames && len(key) <= maxRemembered {
		n.names[strings.Clone(key)] = strings.Clone(name)
	}
}
