package scenario

import (
	"github.com/sluice-metrics/sluice/bench/internal/load"
)

// lab is what the runs of a bench share.
type lab struct {
	dir   string // scratch, removed at the end
	fleet load.Fleet
	key   fleetKey
}

type fleetKey struct {
	payloads int
	shape    load.Shape
}

// run is one case with one subject, once.
type run struct {
	lab     *lab
	Subject Subject
}

// fleet returns the payloads as they are before their first round. Only the last fleet is kept: a large one takes
// hundreds of megabytes, and the subjects of a case use the same one after the other.
func (r *run) fleet(payloads int, shape load.Shape) (load.Fleet, error) {
	key := fleetKey{payloads, shape}
	if r.lab.key != key {
		f, err := load.NewFleet(payloads, shape)
		if err != nil {
			return nil, err
		}
		r.lab.fleet, r.lab.key = f, key
	}
	r.lab.fleet.Rewind()
	return r.lab.fleet, nil
}

const (
	mebibyte = 1 << 20
	micro    = 1e6 // microseconds in a second
	milli    = 1e3
)
