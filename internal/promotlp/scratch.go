package promotlp

import (
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
)

// scratch holds a page between its reading and its batch. Targets share them.
type scratch struct {
	samples    []sample
	histograms []native
	exemplars  []pageExemplar
	starts     []pageStart
	// unplaced are the labels of series that must be placed.
	unplaced map[uint32]labels.Labels
	// infos are the series that are target_info.
	infos []uint32
	found []exemplarOf
}

// sample is a sample of the page; that of a native histogram has the place of it for a value.
type sample struct {
	ms    int64
	value float64
	slot  uint32
	// live says that its series is expected again.
	live, native bool
}

// native is a native histogram, of integers or floats.
type native struct {
	h  *histogram.Histogram
	fh *histogram.FloatHistogram
}

// pageExemplar is an exemplar of a sample; next is the one of the same point before it, from 1.
type pageExemplar struct {
	exemplarOf
	sample int
	next   int32
}

// pageStart is when the series of a sample began.
type pageStart struct {
	sample int
	ms     int64
}

var scratches = sync.Pool{New: func() any { return &scratch{unplaced: map[uint32]labels.Labels{}} }}

// maxScratch is how many samples a scratch may have room for to be used again.
const maxScratch = 1 << 20

func (s *scratch) recycle() {
	if cap(s.samples) > maxScratch {
		return
	}
	clear(s.histograms)
	clear(s.exemplars)
	clear(s.unplaced)
	clear(s.found)
	s.samples, s.histograms, s.exemplars, s.starts, s.infos = s.samples[:0], s.histograms[:0], s.exemplars[:0], s.starts[:0], s.infos[:0]
	scratches.Put(s)
}
