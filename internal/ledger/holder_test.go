package ledger

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

// buffer is a holder as simple as can be.
type buffer struct {
	mu   sync.Mutex
	says Holding
}

func (b *buffer) Holding() Holding {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.says
}

func (b *buffer) change(f func(*Holding)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.says)
}

func (l *Ledger) holder(id string) (*Processor, *buffer) {
	p, b := l.Processor(id), &buffer{}
	p.Holds(b)
	return p, b
}

// take is a call with a batch of n points, of which so many are kept in memory.
func (p *Processor) take(b *buffer, n, keeps int64) {
	p.Entered(int(n))
	b.change(func(h *Holding) { h.Memory += keeps })
	p.Returned(&Call{}, int(n), nil)
}

// deliver passes n points on, from a goroutine that has no call.
func (p *Processor) deliver(b *buffer, n int64) {
	p.Passed(nil, int(n), nil)
	b.change(func(h *Holding) { h.Memory -= n })
}

func TestHolder(t *testing.T) {
	type books struct{ carried, taken, removed, stored, lost, gaveUp int64 }
	for name, tc := range map[string]struct {
		do       func(p *Processor, b *buffer)
		cut, ran books // cut off before it stopped, and stopped
	}{
		"took nothing": {func(*Processor, *buffer) {}, books{}, books{}},
		"passes on later": {func(p *Processor, b *buffer) {
			p.take(b, 5, 5)
			p.deliver(b, 5)
		}, books{taken: 5}, books{taken: 5}},
		"holds some in memory": {func(p *Processor, b *buffer) {
			p.take(b, 5, 5)
			p.deliver(b, 2)
		}, books{taken: 5, lost: 3}, books{taken: 5, lost: 3, gaveUp: 3}},
		"removes some": {func(p *Processor, b *buffer) {
			p.take(b, 9, 5)
			p.deliver(b, 2)
		}, books{taken: 9, removed: 4, lost: 3}, books{taken: 9, removed: 4, lost: 3, gaveUp: 3}},
		"stores some": {func(p *Processor, b *buffer) {
			p.take(b, 9, 9)
			b.change(func(h *Holding) { h.Memory, h.Stored = 2, 7 })
		}, books{taken: 9, stored: 7, lost: 2}, books{taken: 9, stored: 7, lost: 2, gaveUp: 2}},
		"finds some, and gives some up": {func(p *Processor, b *buffer) {
			b.change(func(h *Holding) { h.Carried, h.Stored = 10, 10 })
			p.take(b, 5, 5)
			p.Passed(nil, 6, nil)
			b.change(func(h *Holding) { h.Stored, h.Lost = 3, 1 })
		}, books{10, 5, 0, 3, 6, 1}, books{10, 5, 0, 3, 6, 6}},
		"is refused and tries again": {func(p *Processor, b *buffer) {
			p.take(b, 5, 5)
			p.Passed(nil, 5, errFull)
			p.Passed(nil, 5, errFull)
		}, books{taken: 5, lost: 5}, books{taken: 5, lost: 5, gaveUp: 5}},
		"is refused in the call, and tries again": {func(p *Processor, b *buffer) {
			c := &Call{}
			p.Entered(5)
			p.Passed(c, 5, errFull)
			b.change(func(h *Holding) { h.Stored = 5 })
			p.Returned(c, 5, nil)
		}, books{taken: 5, stored: 5}, books{taken: 5, stored: 5}},
		"gives a refusal back": {func(p *Processor, _ *buffer) {
			c := &Call{}
			p.Entered(5)
			p.Passed(c, 5, errFull)
			p.Returned(c, 5, errFull)
		}, books{}, books{}},
		"gives a batch back and keeps part of it": {func(p *Processor, b *buffer) {
			p.Entered(5)
			p.Passed(nil, 2, nil)
			b.change(func(h *Holding) { h.Memory, h.Kept = 1, 3 })
			p.Returned(&Call{}, 5, errFull)
		}, books{taken: 3, lost: 1}, books{taken: 3, lost: 1, gaveUp: 1}},
		"gives a batch back and does not say what it passed on": {func(p *Processor, _ *buffer) {
			p.Entered(5)
			p.Passed(nil, 2, nil)
			p.Returned(&Call{}, 5, errFull)
		}, books{}, books{removed: -2}},
		"has a call that waits for its delivery": {func(p *Processor, b *buffer) {
			p.Entered(5)
			b.change(func(h *Holding) { h.Memory = 3 })
			p.Passed(nil, 2, nil)
		}, books{taken: 5, lost: 3}, books{taken: 5, lost: 3, gaveUp: 3}},
		"passes on what it still counts": {func(p *Processor, b *buffer) {
			p.take(b, 5, 5)
			p.Passed(nil, 4, nil)
		}, books{taken: 5, lost: 1}, books{taken: 5, removed: -4, lost: 5, gaveUp: 5}},
		"adds some": {func(p *Processor, b *buffer) {
			p.take(b, 5, 8)
			p.deliver(b, 8)
		}, books{taken: 5}, books{taken: 5, removed: -3}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			p, b := l.holder("p")
			tc.do(p, b)
			read := func() books {
				all := l.Books()
				require.Len(t, all.Processors, 1)
				line := all.Processors[0]
				assert.Equal(t, line.Carried, all.Carried)
				assert.Equal(t, line.Stored, all.Stored)
				assert.Equal(t, line.Lost, all.Lost)
				assert.Equal(t, line.GaveUp, all.Doomed())
				return books{line.Carried.n, line.Taken.n, line.Removed.n, line.Stored.n, line.Lost.n, line.GaveUp.n}
			}
			assert.Equal(t, tc.cut, read())
			p.Settle()
			assert.Equal(t, tc.ran, read())
			b.change(func(h *Holding) { h.Memory, h.Stored, h.Lost = 1000, 1000, 1000 })
			assert.Equal(t, tc.ran, read(), "it has stopped")
		})
	}
}

// What a receiver accepted twice, because a holder kept what it gave back, went the way twice.
func TestKeptPointsThatComeAgainAreCopies(t *testing.T) {
	l := newLedger()
	p, b := l.holder("p")
	e := l.Exporter("e", ExporterKind{})
	p.Entered(5)
	b.change(func(h *Holding) { h.Kept = 5 })
	p.Returned(&Call{}, 5, errFull)
	l.Receiver("r").Passed(5, errFull)
	p.take(b, 5, 5)
	l.Receiver("r").Passed(5, nil)
	p.deliver(b, 5)
	p.Passed(nil, 5, nil)
	e.Passed(10, nil)
	p.Settle()
	books := l.Books()
	assert.Equal(t, Known(5), books.Accepted)
	assert.Equal(t, Known(10), books.Delivered)
	assert.Equal(t, Known(5), books.Copied)
	assert.Equal(t, Known(0), books.Removed)
}

// instance is a life of a holder with a storage of its own.
func (l *Ledger) instance(found, takes, stores int64) {
	p, b := l.holder("p")
	b.change(func(h *Holding) { h.Carried, h.Stored = found, found })
	p.take(b, takes, takes)
	p.Passed(nil, int(found+takes-stores), nil)
	b.change(func(h *Holding) { h.Memory, h.Stored = 0, stores })
	p.Settle()
}

func TestStoragesOutliveReloads(t *testing.T) {
	l := newLedger()
	l.instance(7, 10, 8)
	l.instance(8, 10, 9)
	l.instance(9, 10, 4)
	b := l.Books()
	assert.Equal(t, []ProcessorLine{{"p", Known(7), Known(30), Known(0), Known(4), Known(0), Known(0)}}, b.Processors)
	assert.Len(t, l.processors.live, 1, "accounts of the past are one line")
	assert.Equal(t, Known(7), b.Carried)
	assert.Equal(t, Known(4), b.Stored)
}

// A processor of two pipelines is two, with two storages, of which a reload may leave one behind.
func TestHoldersOfTwoPipelinesFindTheirOwn(t *testing.T) {
	l := newLedger()
	open := func(found int64) (*Processor, *buffer) {
		p, b := l.holder("p")
		b.change(func(h *Holding) { h.Carried, h.Stored = found, found })
		return p, b
	}
	totals := func() [2]int64 {
		b := l.Books()
		require.Len(t, b.Processors, 1)
		return [2]int64{b.Carried.n, b.Stored.n}
	}
	first, _ := open(5)
	second, _ := open(7)
	assert.Equal(t, [2]int64{12, 12}, totals(), "they run beside each other")
	first.Settle()
	second.Settle()
	assert.Equal(t, [2]int64{12, 12}, totals())

	only, b := open(7)
	assert.Equal(t, [2]int64{12, 12}, totals(), "what nobody found is there still")
	only.Passed(nil, 7, nil)
	b.change(func(h *Holding) { h.Stored = 0 })
	assert.Equal(t, [2]int64{12, 5}, totals())
	only.Settle()

	open(5)
	assert.Equal(t, [2]int64{12, 5}, totals(), "and found later")
}

// A holder that hangs is not asked again, and is in nobody's way.
func TestHolderThatIsLeftBehind(t *testing.T) {
	l := newLedger()
	p, b := l.holder("p")
	b.change(func(h *Holding) { h.Carried, h.Stored = 7, 7 })
	p.take(b, 9, 6)
	p.LeaveBehind()
	p.LeaveBehind()
	line := func() ProcessorLine { return l.Books().Processors[0] }
	assert.Equal(t, ProcessorLine{"p", Known(7), Known(9), Known(3), Known(7), Known(6), Known(6)}, line())
	b.change(func(h *Holding) { h.Memory, h.Stored = 0, 13 })
	assert.Equal(t, Known(7), line().Stored, "that moment counts")
	for range 2 {
		next, _ := l.holder("p") // it cannot open the storage
		next.Settle()
	}
	assert.Equal(t, ProcessorLine{"p", Known(7), Known(9), Known(3), Known(7), Known(6), Known(6)}, line())
	assert.Len(t, l.processors.live, 1)

	silent := l.Processor("silent")
	silent.Entered(5)
	silent.Returned(&Call{}, 5, nil)
	silent.LeaveBehind()
	assert.Equal(t, Count{}, l.Books().Processors[1].Lost, "nobody knows what it held")
}

func TestHolderThatIsLeftBehindAndGoesOn(t *testing.T) {
	l := newLedger()
	p, b := l.holder("p")
	p.take(b, 9, 9)
	p.LeaveBehind()
	p.deliver(b, 4)
	assert.Equal(t, ProcessorLine{"p", Known(0), Known(9), Known(0), Known(0), Known(5), Known(5)}, l.Books().Processors[0])
}

// TestHolderBalances runs random lives of a processor that holds, in several configurations and two pipelines: each
// point is in one place, and a process that is cut off at any moment knows where.
func TestHolderBalances(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLedger()
		var carried, accepted, passed, lost int64
		stores := [2]int64{rapid.Int64Range(0, 9).Draw(rt, "found"), rapid.Int64Range(0, 9).Draw(rt, "found too")}
		carried = stores[0] + stores[1]
		for range rapid.IntRange(1, 4).Draw(rt, "configurations") {
			var ps [2]*Processor
			var bs [2]*buffer
			for i := range ps {
				ps[i], bs[i] = l.holder("p")
				bs[i].says = Holding{Carried: stores[i], Stored: stores[i]}
			}
			for range rapid.IntRange(0, 20).Draw(rt, "steps") {
				i := rapid.IntRange(0, 1).Draw(rt, "pipeline")
				h, n := &bs[i].says, rapid.Int64Range(0, 9).Draw(rt, "points")
				switch rapid.SampledFrom([]string{"take", "deliver", "spill", "replay", "drop", "refuse"}).Draw(rt, "step") {
				case "take":
					ps[i].take(bs[i], n, n)
					accepted += n
				case "deliver":
					n = min(n, h.Memory)
					ps[i].deliver(bs[i], n)
					passed += n
				case "spill":
					n = min(n, h.Memory)
					h.Memory, h.Stored = h.Memory-n, h.Stored+n
				case "replay":
					n = min(n, h.Stored)
					ps[i].Passed(nil, int(n), nil)
					h.Stored, passed = h.Stored-n, passed+n
				case "drop":
					n = min(n, h.Memory)
					h.Memory, h.Lost, lost = h.Memory-n, h.Lost+n, lost+n
				case "refuse":
					ps[i].Passed(nil, int(n), errFull)
				}
				b := l.Books()
				require.Equal(rt, carried, b.Carried.n)
				require.Equal(rt, bs[0].says.Stored+bs[1].says.Stored, b.Stored.n)
				require.Equal(rt, lost+bs[0].says.Memory+bs[1].says.Memory, b.Lost.n)
				require.Equal(rt, lost, b.Doomed().n)
				require.Zero(rt, b.Removed.n)
				require.Equal(rt, carried+accepted, passed+b.Stored.n+b.Lost.n)
			}
			for i := range ps {
				bs[i].says.Stored += bs[i].says.Memory
				bs[i].says.Memory = 0
				stores[i] = bs[i].says.Stored
				ps[i].Settle()
			}
		}
	})
}

// TestReadingWhileAHolderRuns reads at any moment: nothing is removed, and nothing is less than nothing.
func TestReadingWhileAHolderRuns(t *testing.T) {
	l := newLedger()
	p, b := l.holder("p")
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range 1000 {
				p.Entered(10)
				b.change(func(h *Holding) { h.Memory += 10 })
				p.Passed(nil, 6, nil)
				b.change(func(h *Holding) { h.Memory, h.Stored = h.Memory-10, h.Stored+4 })
				p.Returned(&Call{}, 10, nil)
				p.Passed(nil, 4, nil)
				b.change(func(h *Holding) { h.Stored -= 4 })
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	for over := false; !over; {
		select {
		case <-ended:
			over = true
		default:
		}
		line := l.Books().Processors[0]
		require.LessOrEqual(t, line.Removed.n, int64(40), "no more than is on its way in")
		for _, c := range []Count{line.Taken, line.Removed, line.Stored, line.Lost, line.GaveUp} {
			require.GreaterOrEqual(t, c.n, int64(0))
		}
	}
	p.Settle()
	assert.Equal(t, ProcessorLine{"p", Known(0), Known(40_000), Known(0), Known(0), Known(0), Known(0)}, l.Books().Processors[0])
}
