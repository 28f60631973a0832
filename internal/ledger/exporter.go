package ledger

import "sync/atomic"

// Exporter is the account of one instance of an exporter. Safe for concurrent use.
type Exporter struct {
	id   string
	kind ExporterKind

	taken, refused atomic.Int64
	// What the exporter's exporterhelper says.
	sent, failed atomic.Int64
	// removed is what the exporter says it took and does not hand out.
	removed atomic.Int64
	// helped tells that the exporter is built on exporterhelper: its counters say what was delivered.
	helped atomic.Bool

	ledger *Ledger
	mu     struct { // guarded by ledger.mu
		opening, closing Count
		settled          bool
	}
}

// ExporterKind is what must be known of an exporter to read its counters.
type ExporterKind struct {
	// Persistent: its queue is in a storage that outlives the process.
	Persistent bool
	// Opaque: it hands points to exporters of its own, whose queues answer before they send, and which nobody can hear.
	// What was delivered is unknown.
	Opaque bool
}

// Exporter opens the account of a new instance of the exporter with this ID.
func (l *Ledger) Exporter(id string, kind ExporterKind) *Exporter {
	e := &Exporter{id: id, kind: kind, ledger: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.exporters.open(e)
	return e
}

// Passed books points that were handed to the exporter, and whether it took them.
func (e *Exporter) Passed(points int, err error) {
	if err != nil {
		e.refused.Add(int64(points))
		return
	}
	e.taken.Add(int64(points))
}

// Opened books what the exporter's storage held before it started.
func (e *Exporter) Opened(stock Count) {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	e.mu.opening = stock
}

// Settle closes the account: the exporter has stopped, and its storage holds stock.
func (e *Exporter) Settle(stock Count) {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	e.mu.closing, e.mu.settled = stock, true
}

// ExporterLine is what an exporter did: carried + taken = delivered + removed + stored + lost.
type ExporterLine struct {
	ID string `json:"id"`
	// Carried is what its storage held when the process started.
	Carried Count `json:"carried"`
	Taken   Count `json:"taken"`
	// Refused is what it did not take: whoever sent it was told.
	Refused Count `json:"refused"`
	// Delivered is what its backend confirmed. An exporter that confirms nothing, such as one that is scraped, has
	// delivered what it took.
	Delivered Count `json:"delivered"`
	// Removed is what it took and does not hand out, for a reason that its own metrics tell.
	Removed Count `json:"removed"`
	// Stored is what its storage keeps for the next process.
	Stored Count `json:"stored"`
	Lost   Count `json:"lost"`
	// GaveUp is the part of Lost that the exporter holds no more: it was refused for good, out of patience, or stopped.
	GaveUp Count `json:"gave_up"`
}

func (e *Exporter) componentID() string { return e.id }

// line needs ledger.mu.
func (e *Exporter) line() (ExporterLine, bool) {
	taken := Known(e.taken.Load())
	sent, gaveUp := e.confirmed(taken)
	removed := Known(e.removed.Load())
	l := ExporterLine{
		ID: e.id, Carried: Known(0), Taken: taken, Refused: Known(e.refused.Load()),
		Delivered: sent.Minus(removed).NotBelowZero(), Removed: removed, Stored: Known(0), GaveUp: gaveUp,
	}
	if e.kind.Persistent {
		l.Carried = e.mu.opening
		l.Stored = e.stored(l, sent)
		l.Lost = l.Carried.Plus(taken).Minus(sent).Minus(l.Stored).NotBelowZero()
		if _, known := l.Lost.Value(); !known && !e.kind.Opaque {
			l.Lost = gaveUp // what was in the storage is there still, or was sent
		}
		return l, e.mu.settled
	}
	l.Lost = taken.Minus(sent).NotBelowZero()
	if e.mu.settled || l.Lost.n < gaveUp.n { // the sender of the rest was told
		l.GaveUp = l.Lost
	}
	return l, e.mu.settled
}

// confirmed is what left the exporter and what it gave up.
func (e *Exporter) confirmed(taken Count) (sent, gaveUp Count) {
	switch {
	case e.kind.Opaque:
		return Count{}, Count{}
	case !e.helped.Load():
		return taken, Known(0)
	default:
		return Known(e.sent.Load()), Known(e.failed.Load())
	}
}

// stored is what the storage itself says, or what must be in it.
func (e *Exporter) stored(l ExporterLine, sent Count) Count {
	if _, known := e.mu.closing.Value(); known {
		return e.mu.closing
	}
	return l.Carried.Plus(l.Taken).Minus(sent).Minus(l.GaveUp).NotBelowZero()
}

// followedBy joins the lines of two instances. What the earlier one left in its storage is what the later one found.
func (l ExporterLine) followedBy(next ExporterLine) ExporterLine {
	return ExporterLine{
		ID:        l.ID,
		Carried:   l.Carried.Plus(next.Carried).Minus(l.Stored),
		Taken:     l.Taken.Plus(next.Taken),
		Refused:   l.Refused.Plus(next.Refused),
		Delivered: l.Delivered.Plus(next.Delivered),
		Removed:   l.Removed.Plus(next.Removed),
		Stored:    next.Stored,
		Lost:      l.Lost.Plus(next.Lost),
		GaveUp:    l.GaveUp.Plus(next.GaveUp),
	}
}
