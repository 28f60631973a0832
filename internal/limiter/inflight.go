package limiter

import "sync/atomic"

// InFlight counts the requests that are being served and their bytes. It is safe for concurrent use.
type InFlight struct {
	// MaxRequests and MaxBytes are the bounds; 0 means none. They are not to change while it is used.
	MaxRequests, MaxBytes int64

	requests, bytes atomic.Int64
}

// Slot is the place of one request. The zero Slot has none. It belongs to one request: it is not safe for concurrent use.
type Slot struct {
	in    *InFlight
	bytes int64
}

// Enter gives the request a place for so many bytes, or tells which bound is met.
func (f *InFlight) Enter(s *Slot, bytes int64) Limit {
	if !add(&f.requests, 1, f.MaxRequests) {
		return InFlightRequests
	}
	if !add(&f.bytes, bytes, f.MaxBytes) {
		f.requests.Add(-1)
		return InFlightBytes
	}
	*s = Slot{f, bytes}
	return None
}

// Force gives a place whatever the bounds say, to one that takes it anyway.
func (f *InFlight) Force(s *Slot, bytes int64) {
	f.requests.Add(1)
	f.bytes.Add(bytes)
	*s = Slot{f, bytes}
}

// Resize makes room for so many bytes in all, or tells that there is none, which leaves the place as it is.
func (s *Slot) Resize(bytes int64) bool {
	more := bytes - s.bytes
	switch {
	case s.in == nil:
		return true
	case more > 0 && !add(&s.in.bytes, more, s.in.MaxBytes):
		return false
	case more < 0:
		s.in.bytes.Add(more)
	}
	s.bytes = bytes
	return true
}

// Bytes is the room that the request has.
func (s *Slot) Bytes() int64 { return s.bytes }

// Leave gives the place back. It may be called again.
func (s *Slot) Leave() {
	if s.in == nil {
		return
	}
	s.in.bytes.Add(-s.bytes)
	s.in.requests.Add(-1)
	*s = Slot{}
}

// Now tells what is in flight.
func (f *InFlight) Now() (requests, bytes int64) { return f.requests.Load(), f.bytes.Load() }

// add never exceeds the bound, not even for a moment.
func add(v *atomic.Int64, n, most int64) bool {
	if most <= 0 {
		v.Add(n)
		return true
	}
	for {
		old := v.Load()
		if old+n > most {
			return false
		}
		if v.CompareAndSwap(old, old+n) {
			return true
		}
	}
}
