package turnstile

import (
	"container/list"
	"context"
	"sync"
)

// Turnstile has a limited number of places. A free one goes to the groups that wait in turn, and within a group to who came
// first: a group of thousands does not keep a small one waiting. It is safe for concurrent use. The nil Turnstile has no
// limit.
type Turnstile struct {
	limit int

	mu               sync.Mutex
	running, waiting int
	// turns are the groups that wait, the next one first; groups finds them by name.
	turns  list.List
	groups map[string]*group
}

type group struct {
	name    string
	turn    *list.Element
	waiters list.List
}

// Waiter stands in the line.
type Waiter struct {
	turnstile *Turnstile
	group     *group
	at        *list.Element
	let       chan struct{}
}

// New returns a turnstile; a limit of 0 or less is none.
func New(limit int) *Turnstile {
	if limit <= 0 {
		return nil
	}
	return &Turnstile{limit: limit, groups: map[string]*group{}}
}

// Enter waits for a place, for which Leave is to be called once. It returns an error, and there is no place, if the context
// ends first.
func (t *Turnstile) Enter(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := t.Queue(name)
	if w == nil {
		return nil
	}
	select {
	case <-w.In():
		return nil
	case <-ctx.Done():
		w.GiveUp()
		return ctx.Err()
	}
}

// Queue is Enter for who has something else to do while waiting. It returns nil if there is a place at once.
func (t *Turnstile) Queue(name string) *Waiter {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running < t.limit {
		t.running++
		return nil
	}
	t.waiting++
	g := t.groups[name]
	if g == nil {
		g = &group{name: name}
		g.turn = t.turns.PushBack(g)
		t.groups[name] = g
	}
	w := &Waiter{turnstile: t, group: g, let: make(chan struct{})}
	w.at = g.waiters.PushBack(w)
	return w
}

// In is closed when there is a place, for which Leave is to be called then.
func (w *Waiter) In() <-chan struct{} { return w.let }

// GiveUp ends waiting. Who was let in meanwhile passes the place on. It is not to be called after Leave, nor twice.
func (w *Waiter) GiveUp() {
	t := w.turnstile
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-w.let:
		t.pass()
	default:
		t.remove(w)
	}
}

func (t *Turnstile) remove(w *Waiter) {
	g := w.group
	t.waiting--
	g.waiters.Remove(w.at)
	if g.waiters.Len() == 0 {
		t.turns.Remove(g.turn)
		delete(t.groups, g.name)
	}
}

// Leave gives the place back.
func (t *Turnstile) Leave() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pass()
}

// pass gives a place to the next group, which then has to wait for the others.
func (t *Turnstile) pass() {
	turn := t.turns.Front()
	if turn == nil {
		t.running--
		return
	}
	g := turn.Value.(*group)
	t.turns.MoveToBack(turn)
	first := g.waiters.Front().Value.(*Waiter)
	close(first.let)
	t.remove(first)
}

// Running is how many places are taken.
func (t *Turnstile) Running() int {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.running
}

// Waiting is how many wait for one.
func (t *Turnstile) Waiting() int {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting
}
