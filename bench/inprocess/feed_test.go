package inprocess

import (
	"runtime"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// madeAhead is how many batches are made at once with the meter stopped: enough to make stopping it cheap, few enough to
// keep the heap small.
const madeAhead = 16

// feed hands out batches of its series in turn, each decoded anew, for a receiver that owns and edits them.
//
// Whatever comes first in a pipeline is given batches that a receiver made for it alone, so that the cost of making them
// belongs to neither side. They are decoded, not cloned, as a receiver does it: clones have no room to spare in their
// attribute slices, and the first attribute added would pay for a new one. Garbage is collected with the meter stopped,
// for most of it is the feed's: what a side allocates shows in B/op, and hardly in its times, to the advantage of the
// side that allocates more.
type feed struct {
	from  [][]byte
	made  []pmetric.Metrics
	given int
	// edit, if set, changes a batch before it is handed out.
	edit func(md pmetric.Metrics, serial int)
}

// next stops the meter when it has to make batches.
func (f *feed) next(m *meter) pmetric.Metrics {
	m.b.Helper()
	if len(f.made) == 0 {
		m.untimed(f.refill)
	}
	md := f.made[0]
	f.made = f.made[1:]
	return md
}

func (f *feed) refill() {
	f.made = make([]pmetric.Metrics, 0, madeAhead)
	for range madeAhead {
		md := decode(f.from[f.given%len(f.from)])
		if f.edit != nil {
			f.edit(md, f.given)
		}
		f.given++
		f.made = append(f.made, md)
	}
	runtime.GC()
}
