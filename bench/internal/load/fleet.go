// Package load sends OTLP metrics over gRPC and HTTP: as many series as asked for, cheaply enough that the generator
// leaves the machine to the process under test.
package load

// Fleet is a set of payloads that together hold the series of a run, none of them in two.
type Fleet []*Payload

// NewFleet encodes n payloads of the shape.
func NewFleet(n int, shape Shape) (Fleet, error) {
	f := make(Fleet, n)
	for i := range f {
		p, err := NewPayload(i, shape)
		if err != nil {
			return nil, err
		}
		f[i] = p
	}
	return f, nil
}

// Points returns the data points of one round.
func (f Fleet) Points() int { return f.sum(func(p *Payload) int { return p.points }) }

// Series returns the Prometheus series that the points become, without target_info.
func (f Fleet) Series() int { return f.sum(func(p *Payload) int { return p.series }) }

// Rewind makes every payload what it was before its first round, so that each subject is sent the same.
func (f Fleet) Rewind() {
	for _, p := range f {
		p.rewind()
	}
}

func (f Fleet) sum(of func(*Payload) int) int {
	n := 0
	for _, p := range f {
		n += of(p)
	}
	return n
}
