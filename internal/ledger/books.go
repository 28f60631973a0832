package ledger

import (
	"cmp"
	"maps"
	"slices"
)

// Books are all accounts at one moment, and their totals:
// carried + accepted + copied = delivered + stored + lost + removed.
type Books struct {
	Accepted Count `json:"accepted"`
	Refused  Count `json:"refused"`
	Carried  Count `json:"carried"`
	// Copied is what became two when a receiver fed two pipelines, or a pipeline two exporters, and what went the way
	// twice because one of two refused it and the client sent it again. 0 where no such fork is.
	Copied    Count `json:"copied"`
	Removed   Count `json:"removed"`
	Delivered Count `json:"delivered"`
	Stored    Count `json:"stored"`
	Lost      Count `json:"lost"`

	Receivers  []ReceiverLine  `json:"receivers,omitempty"`
	Processors []ProcessorLine `json:"processors,omitempty"`
	Exporters  []ExporterLine  `json:"exporters,omitempty"`
}

// Books reads all accounts. Of a ledger that is nil or does not count, everything is unknown.
func (l *Ledger) Books() Books {
	if l == nil || !l.Counting() {
		return Books{}
	}
	l.mu.Lock()
	var b Books
	for id, r := range l.receivers {
		b.Receivers = append(b.Receivers, r.line(id))
	}
	processors, exporters := l.processors.lines(), l.exporters.lines()
	l.mu.Unlock()

	slices.SortFunc(b.Receivers, func(x, y ReceiverLine) int { return cmp.Compare(x.ID, y.ID) })
	for _, sum := range sorted(processors) {
		b.Processors = append(b.Processors, sum.ProcessorLine)
	}
	b.Exporters = sorted(exporters)
	b.total()
	return b
}

func sorted[L any](lines map[string]L) []L {
	out := make([]L, 0, len(lines))
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		out = append(out, lines[id])
	}
	return out
}

func (b *Books) total() {
	b.Accepted, b.Refused, b.Carried, b.Removed = Known(0), Known(0), Known(0), Known(0)
	b.Delivered, b.Stored, b.Lost = Known(0), Known(0), Known(0)
	for _, r := range b.Receivers {
		b.Accepted, b.Refused = b.Accepted.Plus(r.Accepted), b.Refused.Plus(r.Refused)
	}
	for _, p := range b.Processors {
		b.Carried, b.Stored = b.Carried.Plus(p.Carried), b.Stored.Plus(p.Stored)
		b.Removed, b.Lost = b.Removed.Plus(p.Removed), b.Lost.Plus(p.Lost)
	}
	for _, e := range b.Exporters {
		b.Carried, b.Delivered = b.Carried.Plus(e.Carried), b.Delivered.Plus(e.Delivered)
		b.Stored, b.Lost = b.Stored.Plus(e.Stored), b.Lost.Plus(e.Lost)
		b.Removed = b.Removed.Plus(e.Removed)
	}
	b.Copied = b.Delivered.Plus(b.Stored).Plus(b.Lost).Plus(b.Removed).Minus(b.Accepted).Minus(b.Carried)
}

// Doomed is the part of Lost that is lost already. The rest is held in memory: a stop may still deliver it.
func (b *Books) Doomed() Count {
	if _, known := b.Accepted.Value(); !known {
		return Count{}
	}
	sum := Known(0)
	for _, p := range b.Processors {
		sum = sum.Plus(p.GaveUp)
	}
	for _, e := range b.Exporters {
		sum = sum.Plus(e.GaveUp)
	}
	return sum
}
