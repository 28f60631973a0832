package exposition

import "sync/atomic"

// tally counts bytes, and adds them to those of all siblings if there are any.
type tally struct {
	own atomic.Int64
	all *atomic.Int64
}

func (t *tally) add(n int64) {
	t.own.Add(n)
	if t.all != nil {
		t.all.Add(n)
	}
}

func (t *tally) load() int64 { return t.own.Load() }
