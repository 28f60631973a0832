package promotlp

import "time"

// point is what series together make: one for a counter or a gauge, many for a histogram or a summary. Its values are
// those of the page under way.
type point struct {
	identity
	// series is how many of the cache are parts of it.
	series int32
	// page is the last one it was on, live the last one from which it is expected on the next.
	page, live uint32
	// owed says that a staleness marker is still to be delivered, dying that no series is a part of it.
	owed, dying bool
	// sent says that the last that was passed on of it is a value.
	sent bool

	// has are the parts there are on the page.
	has   parts
	ms    int64
	start int64
	value float64
	// exemplars is the place of the last one in the scratch of the page, from 1, native that of its histogram, from 0.
	exemplars int32
	native    float64
	// buckets is nil for points that are one value.
	buckets *buckets
	// others are the same point at other times of the same page.
	others map[int64]*point
}

type parts uint8

const (
	hasValue parts = 1 << iota
	hasSum
	hasCount
	hasNative
)

// set sets a part. It reports whether it was not there before: the first one counts.
func (p *point) set(part parts, to *float64, v float64) bool {
	if p.has&part != 0 {
		return false
	}
	p.has |= part
	*to = v
	return true
}

// setStart sets when the series began, in nanoseconds since 1970; nonsense is passed over, and the first one counts, as
// the first value does.
func (p *point) setStart(ns int64) {
	if p != nil && p.start == 0 && ns > 0 && ns <= p.ms*int64(time.Millisecond) {
		p.start = ns
	}
}

// addExemplar puts an exemplar before the others of the point, which is why they are gone through from the end.
func (p *point) addExemplar(e *pageExemplar, number int) {
	if p != nil {
		e.next, p.exemplars = p.exemplars, int32(number)
	}
}

// begin makes the point one of a page.
func (p *point) begin(page uint32, ms int64) {
	p.page, p.ms, p.start, p.has, p.exemplars, p.others = page, ms, 0, 0, 0, nil
}

// at returns the point for a time of a page, and whether it has begun only now.
func (p *point) at(page uint32, ms int64) (at *point, begun bool) {
	if p.page != page {
		p.begin(page, ms)
		return p, true
	}
	if p.ms == ms {
		return p, false
	}
	if other := p.others[ms]; other != nil {
		return other, false
	}
	if p.others == nil {
		p.others = map[int64]*point{}
	}
	other := &point{identity: p.identity}
	if p.buckets != nil {
		other.buckets = &buckets{}
	}
	other.begin(page, ms)
	p.others[ms] = other
	return other, true
}
