package turnstile

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// visitor is a call of Enter in a goroutine of its own. What it found is to be read when all goroutines are at rest.
type visitor struct {
	group  string
	cancel context.CancelFunc
	done   bool
	err    error
}

// model keeps all who wait in the order in which they came, and looks through them. A group's place in the round is the
// time at which it came, or had its last turn.
type model struct {
	limit  int
	inside []*visitor
	queue  []*visitor
	ticks  int
	since  map[string]int
}

func (m *model) tick(group string) {
	m.ticks++
	m.since[group] = m.ticks
}

func (m *model) waits(group string) bool {
	return slices.ContainsFunc(m.queue, func(v *visitor) bool { return v.group == group })
}

func (m *model) enter(v *visitor) {
	if len(m.inside) < m.limit {
		m.inside = append(m.inside, v)
		return
	}
	if !m.waits(v.group) {
		m.tick(v.group)
	}
	m.queue = append(m.queue, v)
}

// leave lets the first of the group in that had no turn for longest.
func (m *model) leave(v *visitor) {
	m.inside = without(m.inside, v)
	if len(m.queue) == 0 {
		return
	}
	next := m.queue[0]
	for _, w := range m.queue {
		if m.since[w.group] < m.since[next.group] {
			next = w
		}
	}
	m.giveUp(next)
	m.tick(next.group)
	m.inside = append(m.inside, next)
}

func (m *model) giveUp(v *visitor) { m.queue = without(m.queue, v) }

func without(all []*visitor, v *visitor) []*visitor {
	return slices.DeleteFunc(slices.Clone(all), func(w *visitor) bool { return v == w })
}

// machine does the same to a turnstile and to the model.
type machine struct {
	model

	turnstile *Turnstile
	gone      []*visitor
}

func newMachine(t *rapid.T) *machine {
	limit := rapid.IntRange(1, 4).Draw(t, "limit")
	return &machine{model: model{limit: limit, since: map[string]int{}}, turnstile: New(limit)}
}

// Check compares who waits, who is inside and who gave up.
func (m *machine) Check(t *rapid.T) {
	synctest.Wait()
	for _, v := range m.inside {
		if !v.done || v.err != nil {
			t.Fatalf("one of %s is not inside: done %v, error %v", v.group, v.done, v.err)
		}
	}
	for _, v := range m.queue {
		if v.done {
			t.Fatalf("one of %s does not wait: error %v", v.group, v.err)
		}
	}
	for _, v := range m.gone {
		if !v.done || v.err == nil {
			t.Fatalf("one of %s did not give up: done %v, error %v", v.group, v.done, v.err)
		}
	}
	m.count(t)
}

func (m *machine) count(t *rapid.T) {
	if got, want := m.turnstile.Running(), len(m.inside); got != want {
		t.Fatalf("%d run, want %d", got, want)
	}
	if got, want := m.turnstile.Waiting(), len(m.queue); got != want {
		t.Fatalf("%d wait, want %d", got, want)
	}
	groups := map[string]bool{}
	for _, v := range m.queue {
		groups[v.group] = true
	}
	if got, want := len(m.turnstile.groups), len(groups); got != want || m.turnstile.turns.Len() != want {
		t.Fatalf("%d groups and %d turns are kept, want %d", got, m.turnstile.turns.Len(), want)
	}
}

func (m *machine) Enter(t *rapid.T) {
	v := m.visitor(t)
	m.enter(v)
}

func (m *machine) EnterTooLate(t *rapid.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m.turnstile.Enter(ctx, "a") == nil {
		t.Fatal("it let in whose context had ended")
	}
}

func (m *machine) visitor(t *rapid.T) *visitor {
	ctx, cancel := context.WithCancel(t.Context())
	v := &visitor{group: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "group"), cancel: cancel}
	go func() {
		v.err = m.turnstile.Enter(ctx, v.group)
		v.done = true
	}()
	synctest.Wait()
	return v
}

func (m *machine) Leave(t *rapid.T) {
	v := choose(t, m.inside)
	m.turnstile.Leave()
	m.leave(v)
}

// LeaveAll lets several in before any of them runs.
func (m *machine) LeaveAll(*rapid.T) {
	for _, v := range slices.Clone(m.inside) {
		m.turnstile.Leave()
		m.leave(v)
	}
}

func (m *machine) GiveUp(t *rapid.T) {
	v := choose(t, m.queue)
	v.cancel()
	m.giveUp(v)
	m.gone = append(m.gone, v)
}

// EndInside ends the context of one that is inside, which keeps the place.
func (m *machine) EndInside(t *rapid.T) { choose(t, m.inside).cancel() }

func choose(t *rapid.T, from []*visitor) *visitor {
	if len(from) == 0 {
		t.Skip("nobody is there")
	}
	return rapid.SampledFrom(from).Draw(t, "visitor")
}

// end lets all go. Nothing must be left then.
func (m *machine) end(t *rapid.T) {
	for len(m.inside) > 0 {
		m.turnstile.Leave()
		m.leave(m.inside[0])
		m.Check(t)
	}
}

// release ends all contexts, so that no goroutine is left when the test fails.
func (m *machine) release() {
	for _, v := range slices.Concat(m.inside, m.queue, m.gone) {
		v.cancel()
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			m := newMachine(t)
			defer m.release()
			t.Repeat(rapid.StateMachineActions(m))
			m.end(t)
		})
	})
}
