package metrics

// plan is what a recorder's layouts are made by.
type plan struct {
	bounds   []float64 // nil for exponential buckets
	zero     float64
	shift    uint8 // of the first layout
	limit    int   // buckets, each of positive and negative values
	collapse bool  // joins the buckets next to zero when they are too many, instead of halving the resolution
	first    *layout
}

// planBounds is for explicit bounds, not nil.
func planBounds(bounds []float64) *plan {
	p := &plan{bounds: bounds}
	p.first = p.layout(0, &run{}, &run{})
	return p
}

// planExponential is for exponential buckets.
func planExponential(shift uint8, limit int, zero float64, collapse bool) *plan {
	p := &plan{shift: shift, limit: limit, zero: zero, collapse: collapse}
	p.first = p.layout(shift, &run{}, &run{})
	return p
}

// locate returns on which side of zero v is, and its index at the finest scale.
func (p *plan) locate(v float64) (sign int, index int32) {
	switch {
	case v > p.zero:
		return 1, bucketIndex(v)
	case v < -p.zero:
		return -1, bucketIndex(-v)
	default:
		return 0, 0
	}
}

// layout has room for the runs.
func (p *plan) layout(shift uint8, positive, negative *run) *layout {
	return &layout{bounds: p.bounds, shift: shift, positive: p.span(positive), negative: p.span(negative)}
}

func (p *plan) span(r *run) span {
	if r.empty() {
		return span{}
	}
	s := around(r.first, r.last(), p.limit)
	s.collapse = p.collapse && r.width() >= p.limit
	return s
}

// fits reports whether all that the runs hold has a slot.
func (l *layout) fits(positive, negative *run) bool {
	return l.positive.covers(positive) && l.negative.covers(negative)
}

func (s span) covers(r *run) bool {
	return r.empty() || (s.collapse || s.contains(r.first)) && s.contains(r.last())
}

// addOutside adds one value that no slot took, and has as many buckets joined as that takes.
func addOutside[T Number](p *plan, t *tally[T], v T) {
	t.extreme(v, v)
	t.addToSum(v)
	t.count++
	r, f := &t.positive, float64(v)
	if f < 0 {
		r, f = &t.negative, -f
	}
	for !p.collapse && t.shift < coarsestShift && r.widthWith(bucketIndex(f)>>t.shift) > p.limit {
		t.coarsen(1)
	}
	index := bucketIndex(f) >> t.shift
	if p.collapse && !r.empty() {
		r.collapse(index - int32(p.limit) + 1)
		index = max(index, r.last()-int32(p.limit)+1)
	}
	r.add(index, 1)
}

// fit makes the runs no wider than the limit.
func fit[T Number](p *plan, t *tally[T]) {
	if p.collapse {
		t.positive.collapse(t.positive.last() - int32(p.limit) + 1)
		t.negative.collapse(t.negative.last() - int32(p.limit) + 1)
		return
	}
	for t.shift < coarsestShift && max(t.positive.width(), t.negative.width()) > p.limit {
		t.coarsen(1)
	}
}

// start is for a tally of nothing.
func (t *tally[T]) start(p *plan) {
	t.shift = p.shift
	if t.bounds = p.bounds != nil; t.bounds {
		t.counts = make([]uint64, len(p.bounds)+1)
	}
}
