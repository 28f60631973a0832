package ledger

// Holder is a processor that takes points and passes them on later, from goroutines of its own.
type Holder interface {
	// Holding is what it holds now. It is asked at any time, before the start, after the stop and while it hangs, so it
	// must not wait for anything, and its figures should be of one moment.
	Holding() Holding
}

// Holding is what a holder says of its points. What was passed on, and what was taken, it need not say.
type Holding struct {
	// Carried is what it found in its storage when it started.
	Carried int64
	// Memory is what it holds now and what goes with the process. What is in its storage too is not here.
	Memory int64
	// Stored is what is in its storage now.
	Stored int64
	// Lost is what it gave up for good, each with a reason in its own metrics. A refusal that it will try again is none,
	// nor is what it told its sender about.
	Lost int64
	// Kept is, of batches that it answered with an error, what it passed on or holds all the same. A sender that sends
	// them again sends that twice.
	Kept int64
}

// stopped is what a holder said last.
type stopped Holding

func (s stopped) Holding() Holding { return Holding(s) }

// Holds tells that the processor is h, before data flows.
func (p *Processor) Holds(h Holder) { p.holder.Store(&h) }

func (p *Processor) holds() bool { return p.holder.Load() != nil }

// LeaveBehind tells that the processor did not stop in time. Of a holder the figures of this moment count, less what it
// passes on all the same; nobody asks it again.
func (p *Processor) LeaveBehind() {
	p.freeze()
	p.left.Store(p.holds())
}

// freeze keeps the last figures of a holder, and lets go of it.
func (p *Processor) freeze() {
	if h := p.holder.Load(); h != nil {
		p.Holds(stopped((*h).Holding()))
	}
}

// holderLine is the account of a holder. Its figures are read while they change, in the order in which points go through
// it: what moves meanwhile is seen twice and never missed, so that it does not look removed. What is held is the less
// for what was seen twice. Only a processor that has stopped may have removed less than nothing, which is that it added
// points.
func (p *Processor) holderLine(h Holder, settled, left bool) ProcessorLine {
	taken := p.taken.Load()
	held := h.Holding()
	taken += held.Kept
	removed := held.Carried + taken - p.passed.Load() - held.Memory - held.Stored - held.Lost
	if !settled && removed < 0 {
		held.Memory -= min(held.Memory, -removed)
		removed = 0
	}
	l := ProcessorLine{
		ID: p.id, Carried: Known(held.Carried), Taken: Known(taken), Removed: Known(removed), Stored: Known(held.Stored),
		Lost: Known(held.Lost + held.Memory), GaveUp: Known(held.Lost),
	}
	if settled || left { // nobody delivers what memory held
		l.GaveUp = l.Lost
	}
	return l
}
