package ledger

import "sync/atomic"

// Receiver is the account of one receiver. Safe for concurrent use.
type Receiver struct{ accepted, refused atomic.Int64 }

// Receiver returns the account of the receiver with this ID.
func (l *Ledger) Receiver(id string) *Receiver {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.receivers == nil {
		l.receivers = map[string]*Receiver{}
	}
	r := l.receivers[id]
	if r == nil {
		r = &Receiver{}
		l.receivers[id] = r
	}
	return r
}

// Passed books points that the receiver handed to its pipelines, and whether they took them.
func (r *Receiver) Passed(points int, err error) {
	if err != nil {
		r.refused.Add(int64(points))
		return
	}
	r.accepted.Add(int64(points))
}

// ReceiverLine is what a receiver did: the client of accepted points was told that they are safe, that of refused ones
// that they are not.
type ReceiverLine struct {
	ID       string `json:"id"`
	Accepted Count  `json:"accepted"`
	Refused  Count  `json:"refused"`
}

func (r *Receiver) line(id string) ReceiverLine {
	return ReceiverLine{id, Known(r.accepted.Load()), Known(r.refused.Load())}
}
