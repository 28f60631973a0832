package dispatch

// ring is a queue that grows up to a bound, which its user keeps.
type ring[E any] struct {
	events []E
	head   int
	length int
}

// minRing is what a ring that holds anything holds room for.
const minRing = 64

func (r *ring[E]) at(i int) *E { return &r.events[(r.head+i)%len(r.events)] }

// push appends as many of list as keep the ring at limit at most, and returns how many.
func (r *ring[E]) push(list []E, limit int) int {
	n := max(0, min(len(list), limit-r.length))
	r.grow(r.length+n, limit)
	for i := range n {
		*r.at(r.length + i) = list[i]
	}
	r.length += n
	return n
}

// unshift puts back what was taken.
func (r *ring[E]) unshift(list []E) {
	r.grow(r.length+len(list), 0)
	if len(list) == 0 {
		return
	}
	r.head = (r.head - len(list) + len(r.events)) % len(r.events)
	r.length += len(list)
	for i := range list {
		*r.at(i) = list[i]
	}
}

// take moves up to n events to dst.
func (r *ring[E]) take(dst []E, n int) []E {
	n = min(n, r.length)
	for i := range n {
		dst = append(dst, *r.at(i))
	}
	r.drop(n)
	return dst
}

// drop forgets the first n.
func (r *ring[E]) drop(n int) {
	var none E
	for i := range n {
		*r.at(i) = none
	}
	r.length -= n
	if r.length == 0 {
		r.head = 0
	} else if n > 0 {
		r.head = (r.head + n) % len(r.events)
	}
}

// grow makes room for n events, at most limit if that is enough.
func (r *ring[E]) grow(n, limit int) {
	if n <= len(r.events) {
		return
	}
	size := max(minRing, 2*len(r.events))
	if limit > 0 {
		size = min(size, limit)
	}
	grown := make([]E, max(n, size))
	for i := range r.length {
		grown[i] = *r.at(i)
	}
	r.events, r.head = grown, 0
}
