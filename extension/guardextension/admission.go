package guardextension

import (
	"time"

	"github.com/sluice-metrics/sluice/internal/limiter"
	"github.com/sluice-metrics/sluice/internal/memgate"
)

// protocol tells servers and clients apart in self-metrics.
type protocol int8

const (
	overHTTP protocol = iota
	overGRPC
	protocols
)

var protocolNames = [protocols]string{"http", "grpc"}

// server decides what all servers that the guard is a middleware of take, together. It is safe for concurrent use.
type server struct {
	total      *limiter.Bucket // nil: no limit for all together
	keys       keys            // nil: none for each
	inFlight   limiter.InFlight
	memory     *memgate.Gate // nil: no gate
	retryAfter time.Duration
	timeout    time.Duration // for a request to arrive
	decisions  *decisions
	// sizes are guessed by protocol: bytes of HTTP are known when they are read, those of gRPC when they are decoded.
	sizes [protocols]limiter.Estimate
}

func newServer(c *Config, memory *memgate.Gate, d *decisions) *server {
	s := &server{
		inFlight: limiter.InFlight{MaxRequests: c.InFlight.Requests, MaxBytes: c.InFlight.Bytes},
		memory:   memory, retryAfter: c.RetryAfter, timeout: c.InFlight.ReceiveTimeout, decisions: d,
	}
	if !c.Rate.Limits.empty() {
		s.total = limiter.NewBucket(c.Rate.Limits.limits(), classNone)
	}
	if k := c.Rate.PerKey.Get(); k != nil {
		s.keys = newKeys(k)
	}
	return s
}

// admission is what one request was let in with. It belongs to one goroutine at a time.
type admission struct {
	server     *server
	slot       limiter.Slot
	total, key limiter.Charge
	class      int
	protocol   protocol
	// outcome is what the request is counted as.
	outcome reason
	// read are the bytes that have come, charged those of them that are charged.
	read, charged int64
}

// admit lets a request in before it is read. size is what it says it has, or -1. key is its bucket, nil if there is none or
// it is not known yet. Only what is let in must be closed.
func (s *server) admit(now time.Time, a *admission, p protocol, size int64, key *limiter.Bucket) refusal {
	*a = admission{server: s, protocol: p, class: classNone}
	if key != nil {
		a.class = key.Class()
	}
	r := s.enter(now, a, size, key)
	if r.reason != admitted {
		a.outcome = r.reason
		a.close()
	}
	return r
}

func (s *server) enter(now time.Time, a *admission, size int64, key *limiter.Bucket) refusal {
	if s.memory != nil && !s.memory.Open(now) {
		return refuse(lowMemory, s.retryAfter)
	}
	if size < 0 {
		size = min(s.sizes[a.protocol].Bytes(), s.most())
	} else if size > s.most() || size > s.total.Most() || size > key.Most() {
		return refusal{reason: tooLarge}
	}
	if l := s.inFlight.Enter(&a.slot, size); l != limiter.None {
		return refuse(reasonOf(l, false), s.retryAfter)
	}
	return s.take(now, a, size, key)
}

// largestBytes is the most that a request may say that it has where there is no bound: what many say must add up.
const largestBytes = 1 << 40

// most is the largest request that in_flight can take.
func (s *server) most() int64 {
	if s.inFlight.MaxBytes <= 0 {
		return largestBytes
	}
	return s.inFlight.MaxBytes
}

// take asks the client's bucket before that of all, and takes from it last: what one client is refused costs the others
// nothing, and what all are refused costs the client nothing.
func (s *server) take(now time.Time, a *admission, size int64, key *limiter.Bucket) refusal {
	if key != nil {
		if l, wait := key.Check(now); l != limiter.None {
			return refuse(reasonOf(l, true), wait)
		}
	}
	if s.total != nil {
		if l, wait := s.total.Admit(now, size, &a.total); l != limiter.None {
			return refuse(reasonOf(l, false), wait)
		}
	}
	if key == nil {
		return refusal{}
	}
	if l, wait := key.Admit(now, size, &a.key); l != limiter.None { // others have taken what there was
		a.total.Return(now)
		return refuse(reasonOf(l, true), wait)
	}
	return refusal{}
}

// arrived corrects what was guessed for a message that is decoded. key is its bucket if that has become known just now.
func (a *admission) arrived(now time.Time, key *limiter.Bucket) refusal {
	if a.read > a.server.most() {
		return a.refused(refusal{reason: tooLarge})
	}
	if !a.slot.Resize(a.read) {
		return a.refused(refuse(inFlightBytes, a.server.retryAfter))
	}
	if no := a.identify(now, key); no.reason != admitted {
		return no
	}
	if no := a.charge(now); no.reason != admitted {
		return no
	}
	a.whole()
	return refusal{}
}

// identify is admit's second half for a request whose client became known late.
func (a *admission) identify(now time.Time, key *limiter.Bucket) refusal {
	if key == nil {
		return refusal{}
	}
	a.class = key.Class()
	if l, wait := key.Admit(now, 0, &a.key); l != limiter.None {
		a.total.Return(now)
		return a.refused(refuse(reasonOf(l, true), wait))
	}
	return refusal{}
}

// grow notes bytes that have come, and makes room for them. They are charged by charge.
func (a *admission) grow(bytes int64) refusal {
	a.read += bytes
	s := a.server
	if a.read <= a.slot.Bytes() {
		return refusal{}
	}
	if a.read > s.most() {
		return a.refused(refusal{reason: tooLarge})
	}
	if !a.slot.Resize(a.read) {
		return a.refused(refuse(inFlightBytes, s.retryAfter))
	}
	return refusal{}
}

// charge charges what was read since it was called last.
func (a *admission) charge(now time.Time) refusal {
	due := a.read - a.charged
	if due <= 0 {
		return refusal{}
	}
	if r := a.small(); r.reason != admitted {
		return a.refused(r)
	}
	if l, wait := a.key.Add(now, due); l != limiter.None {
		return a.refused(refuse(reasonOf(l, true), wait))
	}
	if l, wait := a.total.Add(now, due); l != limiter.None {
		return a.refused(refuse(reasonOf(l, false), wait))
	}
	a.charged = a.read
	return refusal{}
}

// whole notes that all has come: what was guessed gives way to what it is.
func (a *admission) whole() {
	a.slot.Resize(a.read) // not larger than it is
	a.key.Arrived()
	a.total.Arrived()
}

// settle charges what is not charged yet of a request that is over: its handler did not read to the end.
func (a *admission) settle() {
	due := a.read - a.charged
	if due <= 0 || a.outcome != admitted {
		return
	}
	now := time.Now()
	a.key.Add(now, due)
	a.total.Add(now, due)
	a.charged = a.read
}

// small refuses what no bucket could ever hold.
func (a *admission) small() refusal {
	if a.read > min(a.total.Most(), a.key.Most()) {
		return refusal{reason: tooLarge}
	}
	return refusal{}
}

func (a *admission) refused(r refusal) refusal {
	if r.reason != admitted {
		a.outcome = r.reason
	}
	return r
}

// close gives back what the request holds, and counts it. It may be called again.
func (a *admission) close() {
	s := a.server
	if s == nil {
		return
	}
	a.observe()
	a.slot.Leave()
	a.total.Close()
	a.key.Close()
	a.server = nil
	s.decisions.count(a.protocol, a.outcome, a.class)
}

// observe learns the size of a request. One that was cut off was larger than what was read of it.
func (a *admission) observe() {
	switch {
	case a.read == 0, a.outcome == abandoned, a.outcome == receiveTimeout:
	case a.outcome == admitted:
		a.server.sizes[a.protocol].Observe(a.read)
	default:
		a.server.sizes[a.protocol].Observe(min(2*a.read, a.server.most()))
	}
}
