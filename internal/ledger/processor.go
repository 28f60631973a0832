package ledger

import "sync/atomic"

// Processor is the account of one instance of a processor. Safe for concurrent use.
type Processor struct {
	id                   string
	taken, passed, lost  atomic.Int64
	inCall, late, closed atomic.Bool
}

// Processor opens the account of a new instance of the processor with this ID.
func (l *Ledger) Processor(id string) *Processor {
	p := &Processor{id: id}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.processors.open(p)
	return p
}

// Call is one batch inside a processor. What the processor passes on before it returns belongs to that batch, and if
// it is refused, the sender can be told. What it passes on later cannot be given back to anybody.
type Call struct {
	returned atomic.Bool
	refused  atomic.Int64
}

// Passed books points that the processor passed on, and whether the next component took them. call is the batch on
// whose behalf it did that, nil if there is none.
func (p *Processor) Passed(call *Call, points int, err error) {
	late := call == nil || call.returned.Load()
	switch {
	case err == nil:
		p.passed.Add(int64(points))
		if late {
			p.late.Store(true)
		} else {
			p.inCall.Store(true)
		}
	case late:
		p.late.Store(true)
		p.lost.Add(int64(points))
	default:
		call.refused.Add(int64(points))
	}
}

// Returned books the end of a call with a batch of so many points. A processor that takes a batch although the next
// component refused part of it has lost that part.
func (p *Processor) Returned(call *Call, points int, err error) {
	call.returned.Store(true)
	if err != nil {
		return
	}
	p.taken.Add(int64(points))
	p.lost.Add(call.refused.Load())
}

// Settle closes the account: the processor has stopped.
func (p *Processor) Settle() { p.closed.Store(true) }

// ProcessorLine is what a processor did.
type ProcessorLine struct {
	ID    string `json:"id"`
	Taken Count  `json:"taken"`
	// Removed is what the processor dropped on purpose, less what it added: it may be negative.
	Removed Count `json:"removed"`
	// Lost is what the next component refused when nobody was left to be told, and what the processor still held.
	Lost Count `json:"lost"`
	// GaveUp is the part of Lost that was refused.
	GaveUp Count `json:"gave_up"`
}

func (p *Processor) componentID() string { return p.id }

// line tells removed points from those that are held. A stopped processor holds none. One that was cut off and is known
// to pass points on later than it takes them holds what is missing. One that has passed on nothing may be either.
func (p *Processor) line() (ProcessorLine, bool) {
	settled := p.closed.Load()
	taken, lost := p.taken.Load(), p.lost.Load()
	missing := taken - p.passed.Load() - lost
	l := ProcessorLine{ID: p.id, Taken: Known(taken), Removed: Known(missing), Lost: Known(lost), GaveUp: Known(lost)}
	switch {
	case settled || missing <= 0:
	case p.late.Load():
		l.Removed, l.Lost = Known(0), Known(lost+missing)
	case !p.inCall.Load():
		l.Removed, l.Lost = Count{}, Count{}
	}
	return l, settled
}

func (l ProcessorLine) followedBy(next ProcessorLine) ProcessorLine {
	return ProcessorLine{
		ID:      l.ID,
		Taken:   l.Taken.Plus(next.Taken),
		Removed: l.Removed.Plus(next.Removed),
		Lost:    l.Lost.Plus(next.Lost),
		GaveUp:  l.GaveUp.Plus(next.GaveUp),
	}
}
