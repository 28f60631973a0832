package exposition

import "github.com/sluice-metrics/sluice/internal/series"

// compact gives back the memory of a family that has shrunk, and makes its slots few again.
func (f *family) compact() {
	st := &f.mu
	if !st.series.Sparse() {
		return
	}
	states, odd, exemplars := st.states, st.odd, st.exemplars
	st.states, st.odd, st.exemplars, st.labels = nil, nil, nil, series.Index{}
	st.series.Compact(func(from, to uint32, r *record) {
		st.labels.Add(r.labels, to)
		if text, known := odd[from]; known {
			f.keepOdd(to, text)
		}
		if from < uint32(len(states)) && states[from] != nil {
			f.keepState(to, states[from])
		}
		if e := exemplars[from]; e != nil {
			f.keepExemplar(to, e)
		}
	})
}
