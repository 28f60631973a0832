package exposition

// lePieces holds the `le` labels of the histogram under way. Most series of a family have the same bounds, so that they
// are written once.
type lePieces struct {
	bounds *bounds
	text   []byte
	ends   []int
}

// set writes the label of each bucket, the infinite one included.
func (p *lePieces) set(b *bounds, openMetrics bool) {
	if p.bounds == b {
		return
	}
	p.bounds, p.text, p.ends = b, p.text[:0], p.ends[:0]
	for i := range len(b.finite) + 1 {
		p.text = appendLe(p.text, b.upper(i), openMetrics)
		p.ends = append(p.ends, len(p.text))
	}
}

func (p *lePieces) at(i int) []byte {
	begin := 0
	if i > 0 {
		begin = p.ends[i-1]
	}
	return p.text[begin:p.ends[i]]
}

// one writes the label of a single bound.
func (p *lePieces) one(bound float64, openMetrics bool) []byte {
	p.bounds = nil
	p.text = appendLe(p.text[:0], bound, openMetrics)
	return p.text
}

func appendLe(dst []byte, bound float64, openMetrics bool) []byte {
	return appendNumberLabel(dst, `,le="`, bound, openMetrics)
}

// appendNumberLabel writes a label that is a number, behind what opens it.
func appendNumberLabel(dst []byte, open string, v float64, openMetrics bool) []byte {
	dst = append(dst, open...)
	if openMetrics {
		dst = appendCanonical(dst, v)
	} else {
		dst = appendBound(dst, v)
	}
	return append(dst, '"')
}
