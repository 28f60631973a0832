package promotlp

import (
	"errors"
	"io"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"github.com/sluice-metrics/sluice/internal/promtext"
)

// Read reads a page. An error is one of the page as a whole: nothing of it will be passed on. The page is not kept.
func (c *Cache) Read(page []byte, contentType string, at time.Time) error {
	c.begin()
	if len(page) == 0 {
		c.good = true
		return nil
	}
	c.full = true
	src, err := c.sources.open(page, contentType, &c.options)
	if err != nil {
		return err
	}
	c.meta.openMetrics, c.meta.block = c.sources.media == mediaOpenMetrics, block{}
	r := reading{cache: c, src: src, now: at.UnixMilli(), latest: time.Now().Add(maxAhead).UnixMilli()}
	if err := r.all(); err != nil {
		if _, told := errors.AsType[*promtext.SyntaxError](err); !told && r.syntax {
			return explain(err, page, c.sources.media)
		}
		return err
	}
	c.good, c.sources.good = true, c.sources.media
	return nil
}

// Fail is a Read without a page, because there is none.
func (c *Cache) Fail() { c.begin() }

// maxAhead is how far in the future the timestamp of a sample may be, as in Prometheus.
const maxAhead = 10 * time.Minute

// reading is the reading of a page.
type reading struct {
	cache  *Cache
	src    source
	now    int64
	latest int64
	// taken counts the samples for sample_limit.
	taken int
	// limit is the error of a limit; the page is read to its end all the same, to count its samples.
	limit error
	// syntax says that the error is the parser's.
	syntax bool
}

func (r *reading) all() error {
	for {
		kind, err := r.src.next(r.cache.series.Next())
		if errors.Is(err, io.EOF) {
			r.cache.meta.end(r.cache.page)
			return r.limit
		}
		if err != nil {
			r.syntax = true
			return err
		}
		if err := r.entry(kind); err != nil {
			return err
		}
	}
}

func (r *reading) entry(kind entryKind) error {
	c := r.cache
	switch kind {
	case entryHelp:
		c.meta.setHelp(r.src.family(), r.src.text(), c.page)
	case entryType:
		c.meta.setType(r.src.family(), r.src.kind(), c.page)
	case entryUnit:
		c.meta.setUnit(r.src.family(), r.src.text(), c.page)
	case entrySample:
		c.meta.end(c.page)
		v, ms, hasTime := r.src.sample()
		return r.sample(sample{value: v, ms: ms}, hasTime, nil)
	case entryHistogram:
		c.meta.end(c.page)
		h, fh, ms, hasTime := r.src.histogram()
		return r.sample(sample{ms: ms}, hasTime, &native{h: h, fh: fh})
	case entryOther:
	}
	return nil
}

// sample takes a sample: an iteration of the loop in Prometheus' scrapeLoopAppender.append.
func (r *reading) sample(s sample, hasTime bool, n *native) error {
	c := r.cache
	c.counts.Scraped++
	if hasTime = hasTime && c.options.HonorTimestamps; !hasTime {
		s.ms = r.now
	}
	s.live = !hasTime || c.options.TrackTimestampsStaleness
	text := r.src.series()
	id, err := r.identify(text, n != nil)
	if err != nil || id.dropped {
		return err
	}
	c.counts.Kept++
	if id.repeated && !hasTime {
		c.counts.Dropped[Duplicate]++
		return nil
	}
	if !r.admit(&s, n, id.known) {
		return nil
	}
	if !id.known {
		id.slot = r.add(text, id.labels)
	}
	s.slot = id.slot
	r.keep(s, n)
	return nil
}

// found is what the text of a series says.
type found struct {
	slot uint32
	// known series are in the cache, repeated ones on this page already, dropped ones not to be passed on.
	known, repeated, dropped bool
	// labels are those of a series that must be placed.
	labels labels.Labels
}

func (r *reading) identify(text []byte, native bool) (id found, err error) {
	c := r.cache
	id.slot, id.known = c.series.Find(text)
	if id.known {
		e := c.series.At(id.slot)
		placed := e.role.fits(native) && e.epoch == c.meta.epoch
		if id.repeated = r.seen(e); id.repeated || placed {
			id.dropped = e.role == roleDropped
			return id, nil
		}
	}
	if id.labels, err = c.relabel.apply(r.src.labels()); err != nil {
		return id, err
	}
	if id.dropped = id.labels.IsEmpty(); id.dropped {
		r.drop(text, id)
	} else if id.known {
		c.series.At(id.slot).role = roleUnresolved
		c.scratch.unplaced[id.slot] = id.labels
	}
	return id, nil
}

// add adds a series that is to be placed.
func (r *reading) add(text []byte, lset labels.Labels) uint32 {
	c := r.cache
	slot := c.series.Insert(text)
	r.seen(c.series.At(slot))
	c.scratch.unplaced[slot] = lset
	if r.limit == nil {
		c.counts.Added++
	}
	return slot
}

// drop remembers that relabelling drops a series.
func (r *reading) drop(text []byte, id found) {
	c := r.cache
	if !id.known {
		id.slot = c.series.Insert(text)
		r.seen(c.series.At(id.slot))
	}
	e := c.series.At(id.slot)
	c.leave(e.point)
	e.point, e.role, e.epoch = nil, roleDropped, c.meta.epoch
}

// seen notes that the page has a series, and reports whether it had it before.
func (r *reading) seen(e *entry) bool {
	if e.page == r.cache.page {
		return true
	}
	e.page = r.cache.page
	r.cache.seen++
	return false
}

// admit checks the limits of a sample, in the order of Prometheus.
func (r *reading) admit(s *sample, n *native, known bool) bool {
	o := &r.cache.options
	if n != nil && !n.reduce(o) {
		if r.limit == nil {
			r.limit = errBucketLimit
		}
		return false
	}
	// A staleness marker for a known series is always let through.
	if !known || !value.IsStaleNaN(n.valueOr(s.value)) {
		if r.taken++; o.SampleLimit > 0 && r.taken > o.SampleLimit {
			r.limit = errSampleLimit
			return false
		}
	}
	if s.ms > r.latest {
		r.cache.counts.Dropped[OutOfBounds]++
		return false
	}
	return true
}

var (
	errSampleLimit = &LimitError{"sample limit exceeded"}
	errBucketLimit = &LimitError{"histogram bucket limit exceeded"}
)

// keep notes a sample with what belongs to it.
func (r *reading) keep(s sample, n *native) {
	sc := r.cache.scratch
	if n != nil {
		s.native, s.value = true, float64(len(sc.histograms))
		sc.histograms = append(sc.histograms, *n)
	}
	at := len(sc.samples)
	sc.samples = append(sc.samples, s)
	if ms := r.src.start(); ms > 0 {
		sc.starts = append(sc.starts, pageStart{at, ms})
	}
	sc.found = r.src.exemplars(sc.found[:0])
	for _, e := range sc.found {
		if !e.hasTime && n != nil {
			continue // as in Prometheus: without times, repeated ones cannot be told from new ones
		}
		if !e.hasTime {
			e.ms = s.ms
		}
		sc.exemplars = append(sc.exemplars, pageExemplar{exemplarOf: e, sample: at})
	}
}
