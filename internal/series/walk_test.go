package series

import (
	"fmt"
	"iter"
	"maps"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// walker walks a table a step at a time. Due are the series that were there all the time and not visited yet.
type walker struct {
	walk Walk
	due  map[string]bool
	next func() (uint32, *int, bool)
	stop func()
}

// walked is a table with walkers in it.
type walked struct {
	table   *Table[int]
	here    map[string]bool
	most    int
	walkers [3]walker
}

func (m *walked) put(key string) {
	if !m.here[key] {
		m.table.Insert([]byte(key))
	}
	m.here[key] = true
	m.most = max(m.most, len(m.here))
}

func (m *walked) remove(key string) {
	if slot, known := m.table.Find([]byte(key)); known {
		m.table.Remove(slot)
	}
	delete(m.here, key)
	for _, w := range m.walkers {
		delete(w.due, key)
	}
}

func (m *walked) step(t *rapid.T, w *walker) {
	if w.next == nil {
		w.due = maps.Clone(m.here)
		m.table.BeginWalk(&w.walk)
		w.next, w.stop = iter.Pull2(m.table.Walk(&w.walk))
	}
	slot, _, more := w.next()
	if !more {
		require.Empty(t, w.due)
		m.end(w)
		return
	}
	key := string(m.table.KeyOf(slot))
	require.Contains(t, w.due, key)
	delete(w.due, key)
}

func (m *walked) end(w *walker) {
	if w.next == nil {
		return
	}
	w.stop()
	m.table.EndWalk(&w.walk)
	w.next = nil
}

func (m *walked) endAll() {
	for i := range m.walkers {
		m.end(&m.walkers[i])
	}
}

func (m *walked) check(t *rapid.T) {
	require.Equal(t, len(m.here), m.table.Len())
	require.EqualValues(t, m.most, m.table.End(), "slots are used again")
	underWay := 0
	for _, w := range m.walkers {
		if w.next != nil {
			underWay++
		}
	}
	require.Len(t, m.table.walks, underWay)
}

func TestWalkVisitsOnceWhatIsThereAllTheTimeAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &walked{table: NewTable[int](), here: map[string]bool{}}
		defer m.endAll()
		key := func() string { return strconv.Itoa(rapid.IntRange(0, 12).Draw(t, "key")) }
		walker := func() *walker { return &m.walkers[rapid.IntRange(0, 2).Draw(t, "walker")] }
		for i := range rapid.IntRange(0, 12).Draw(t, "at first") {
			m.put(strconv.Itoa(i))
		}
		t.Repeat(map[string]func(*rapid.T){
			"put":    func(*rapid.T) { m.put(key()) },
			"remove": func(*rapid.T) { m.remove(key()) },
			"step":   func(t *rapid.T) { m.step(t, walker()) },
			"step2":  func(t *rapid.T) { m.step(t, walker()) },
			"end":    func(*rapid.T) { m.end(walker()) },
			"":       m.check,
		})
	})
}

// churn replaces all series of a table.
func churn(t *testing.T, table *Table[int], was, is string, n int) {
	t.Helper()
	for i := range n {
		slot, known := table.Find(fmt.Append(nil, was, i))
		require.True(t, known)
		table.Remove(slot)
	}
	for i := range n {
		table.Insert(fmt.Append(nil, is, i))
	}
}

func TestAStuckWalkTakesNoSlots(t *testing.T) {
	const n = 10 * blockSize
	table := NewTable[int]()
	for i := range n {
		table.Insert(fmt.Append(nil, "round", 0, " ", i))
	}
	walk, visited := new(Walk), 0
	table.BeginWalk(walk)
	for range table.Walk(walk) {
		if visited++; visited != n/3 {
			continue
		}
		before := table.Bytes()
		for round := range 10 {
			churn(t, table, fmt.Sprint("round", round, " "), fmt.Sprint("round", round+1, " "), n)
			require.EqualValues(t, n, table.End())
		}
		assert.Less(t, table.Bytes(), 2*before)
	}
	assert.Equal(t, n/3, visited, "all others came later")
}

func TestATableIsNotSparseWhileItIsWalked(t *testing.T) {
	table := NewTable[int]()
	for i := range 3 * blockSize {
		table.Insert(fmt.Append(nil, i))
	}
	walk := new(Walk)
	table.BeginWalk(walk)
	for slot := range table.Walk(walk) {
		table.Remove(slot)
	}
	assert.False(t, table.Sparse())
	table.EndWalk(walk)
	assert.True(t, table.Sparse())
}

func TestWalkAllocatesNothing(t *testing.T) {
	table, walk := NewTable[int](), new(Walk)
	table.Insert([]byte("a"))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		table.BeginWalk(walk)
		for _, v := range table.Walk(walk) {
			*v++
		}
		table.EndWalk(walk)
	}))
}
