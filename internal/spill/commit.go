package spill

import (
	"context"
)

// commit is the records that one fsync makes last.
type commit struct {
	done   chan struct{}
	err    error // to be read when done is closed
	wanted bool  // somebody waits; guarded by Log.mu
}

func newCommit() *commit { return &commit{done: make(chan struct{})} }

func (c *commit) end(err error) {
	c.err = err
	close(c.done)
}

// Receipt is for a record that was appended. That of a log without Fsync is the zero Receipt.
type Receipt struct {
	log    *Log
	commit *commit
}

// Wait returns when the record survives what Options.Fsync says. An error does not take the record out of the log: it is read
// as others are, and may be withdrawn by Done. Without Wait, records are synced when their segment is full or closed.
func (r Receipt) Wait(ctx context.Context) error {
	if r.commit == nil {
		return nil
	}
	r.log.want(r.commit)
	select {
	case <-r.commit.done:
		return r.commit.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// want sees to it that the commit comes.
func (l *Log) want(c *commit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.wanted = true
	if c == l.batch && l.syncing == nil && !l.closed {
		l.syncing = make(chan struct{})
		go l.syncWhileWanted()
	}
}

// syncWhileWanted is a goroutine of its own, since an fsync cannot be given up.
func (l *Log) syncWhileWanted() {
	for {
		c, s := l.takeBatch()
		if c == nil {
			return
		}
		var err error
		if s != nil {
			err = s.flush(l.fsync)
		}
		c.end(err)
	}
}

// takeBatch returns the commit that is wanted, and the segment its records are in as far as they are not synced: who seals a
// segment syncs it.
func (l *Log) takeBatch() (*commit, *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.batch
	if !c.wanted || l.closed {
		close(l.syncing)
		l.syncing = nil
		return nil, nil
	}
	l.batch = newCommit()
	return c, l.active
}

// syncEnd waits for the goroutine.
func (l *Log) syncEnd(ctx context.Context) error {
	l.mu.Lock()
	running := l.syncing
	l.mu.Unlock()
	if running != nil {
		select {
		case <-running:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
