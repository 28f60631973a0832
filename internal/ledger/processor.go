package ledger

import "sync/atomic"

// Processor is the account of one instance of a processor. Safe for concurrent use.
type Processor struct {
	id                   string
	taken, passed, lost  atomic.Int64
	inCall, late, closed atomic.Bool
	holder               atomic.Pointer[Holder]
	left                 atomic.Bool // a holder was left behind

	generation int // guarded by the ledger's mu
}

// Processor opens the account of a new instance of the processor with this ID.
func (l *Ledger) Processor(id string) *Processor {
	p := &Processor{id: id}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.processors.open(p)
	p.generation = l.processors.generation
	return p
}

// Call is one batch inside a processor. What the processor passes on before it returns belongs to that batch, and if
// it is refused, the sender can be told. What it passes on later cannot be given back to anybody.
type Call struct {
	returned atomic.Bool
	refused  atomic.Int64
}

// Entered books the begin of a call with a batch of so many points.
func (p *Processor) Entered(points int) {
	if p.holds() {
		p.taken.Add(int64(points))
	}
}

// Passed books points that the processor passed on, and whether the next component took them. call is the batch on
// whose behalf it did that, nil if there is none. What is refused to a holder is still with it, whoever waits.
func (p *Processor) Passed(call *Call, points int, err error) {
	late := call == nil || call.returned.Load()
	switch {
	case err != nil && p.holds():
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
// component refused part of it has lost that part. A holder has taken a batch since it entered, as it may pass it on
// before it returns, or gives it back.
func (p *Processor) Returned(call *Call, points int, err error) {
	call.returned.Store(true)
	switch holds := p.holds(); {
	case holds && err != nil:
		p.taken.Add(-int64(points))
	case !holds && err == nil:
		p.taken.Add(int64(points))
		p.lost.Add(call.refused.Load())
	}
}

// Settle closes the account: the processor has stopped.
func (p *Processor) Settle() {
	p.freeze()
	p.closed.Store(true)
}

// ProcessorLine is what a processor did: carried + taken = passed on + removed + stored + lost.
type ProcessorLine struct {
	ID string `json:"id"`
	// Carried is what its storage held when the process started.
	Carried Count `json:"carried"`
	Taken   Count `json:"taken"`
	// Removed is what the processor dropped on purpose, less what it added: it may be negative.
	Removed Count `json:"removed"`
	// Stored is what its storage keeps for the next process.
	Stored Count `json:"stored"`
	// Lost is what the next component refused when nobody was left to be told, and what the processor still held. Of a
	// holder, it is what it gave up and what its memory holds.
	Lost Count `json:"lost"`
	// GaveUp is the part of Lost that it holds no more.
	GaveUp Count `json:"gave_up"`
}

func (p *Processor) componentID() string { return p.id }

// line is the account now.
func (p *Processor) line() (processorSum, bool) {
	settled, left := p.closed.Load(), p.left.Load()
	sum := processorSum{generation: p.generation}
	if h := p.holder.Load(); h != nil {
		sum.ProcessorLine = p.holderLine(*h, settled, left)
	} else {
		sum.ProcessorLine = p.guess(settled)
	}
	return sum, settled || left
}

// guess tells removed points from those that are held, of a processor that says nothing. A stopped processor holds none.
// One that was cut off and is known to pass points on later than it takes them holds what is missing. One that has
// passed on nothing may be either.
func (p *Processor) guess(settled bool) ProcessorLine {
	taken, lost := p.taken.Load(), p.lost.Load()
	missing := taken - p.passed.Load() - lost
	l := ProcessorLine{
		ID: p.id, Carried: Known(0), Taken: Known(taken), Removed: Known(missing), Stored: Known(0), Lost: Known(lost), GaveUp: Known(lost),
	}
	switch {
	case settled || missing <= 0:
	case p.late.Load():
		l.Removed, l.Lost = Known(0), Known(lost+missing)
	case !p.inCall.Load():
		l.Removed, l.Lost = Count{}, Count{}
	}
	return l
}
