package promotlp

import (
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// placeAll makes points of the samples of the page.
func (c *Cache) placeAll() {
	sc := c.scratch
	starts, exemplars := sc.starts, sc.exemplars
	for i := range sc.samples {
		p := c.take(&sc.samples[i])
		for len(starts) > 0 && starts[0].sample == i {
			p.setStart(starts[0].ms * int64(time.Millisecond))
			starts = starts[1:]
		}
		for len(exemplars) > 0 && exemplars[0].sample == i {
			p.addExemplar(&exemplars[0], len(sc.exemplars)-len(exemplars)+1)
			exemplars = exemplars[1:]
		}
	}
	c.applyInfos()
}

// take puts a sample in its point, which it returns; it is nil for a sample that has none.
func (c *Cache) take(s *sample) *point {
	e := c.series.At(s.slot)
	if s.ms < 0 {
		c.counts.Dropped[OutOfBounds]++
		return nil
	}
	if e.role == roleUnresolved {
		c.place(e, s)
	}
	if !e.role.fits(s.native) {
		c.counts.Dropped[Duplicate]++ // the page has the series as a number, too
		return nil
	}
	switch e.role {
	case roleTargetInfo:
		c.scratch.infos = append(c.scratch.infos, s.slot)
		return nil
	case roleUnsupported:
		c.counts.Dropped[GaugeHistogram]++
		return nil
	case roleNative:
		if !c.supported(e, s) {
			return nil
		}
	default:
	}
	return c.put(e, s)
}

func (c *Cache) put(e *entry, s *sample) *point {
	if s.live && e.role != roleCreated {
		c.expect(e.point)
	}
	p, begun := e.point.at(c.page, s.ms)
	if begun {
		c.show(p)
	}
	if !c.set(p, e, s) {
		c.counts.Dropped[Duplicate]++
	}
	return p
}

// supported reports whether a native histogram can be passed on.
func (c *Cache) supported(e *entry, s *sample) bool {
	n := &c.scratch.histograms[int(s.value)]
	reason, bad := n.unsupported()
	if !bad && e.point.metric.kind != n.kind() {
		reason, bad, e.epoch = BadHistogram, true, c.meta.epoch-1 // it is placed anew next time
	}
	if bad {
		c.counts.Dropped[reason]++
	}
	return !bad
}

// set sets the part of a point that a series is. It reports whether it had none.
func (c *Cache) set(p *point, e *entry, s *sample) bool {
	b := p.buckets
	switch e.role {
	case roleValue:
		return p.set(hasValue, &p.value, s.value)
	case roleSum:
		b.summed = true
		return p.set(hasSum, &b.sum, s.value)
	case roleCount:
		return p.set(hasCount, &b.count, s.value)
	case roleCreated:
		p.setStart(int64(math.Round(s.value*1e6)) * int64(time.Microsecond)) // what a float64 of today holds
		return true
	case roleBucket, roleQuantile:
		number := e.number
		if p != e.point {
			number = b.place(e.point.buckets.numbers[number])
		}
		return b.set(number, c.page, s.value)
	case roleNative:
		return p.set(hasNative, &p.native, s.value)
	default:
		return true
	}
}

// place finds the point that a series is a part of.
func (c *Cache) place(e *entry, s *sample) {
	lset := c.scratch.unplaced[s.slot]
	old := e.point
	e.point = nil
	name := lset.Get(model.MetricNameLabel)
	pl := c.meta.place(name, lset)
	if s.native {
		pl = c.meta.placeOfNative(name, c.scratch.histograms[int(s.value)].kind())
	}
	e.role, e.epoch = pl.role, c.meta.epoch
	switch pl.role {
	case roleUnsupported:
	case roleTargetInfo:
		c.infos[s.slot] = lset
	default:
		e.point = c.pointOf(lset, pl)
		e.point.series++
		if pl.role == roleBucket || pl.role == roleQuantile {
			e.number = e.point.buckets.place(pl.number)
		}
	}
	c.leave(old)
	if old != nil && old != e.point && c.fresh != c.page {
		old.live = c.page // the same series of Prometheus is there, as something else
	}
}

func (c *Cache) pointOf(lset labels.Labels, pl place) *point {
	r := c.tree.resource(&c.target, c.target.origin(lset))
	return c.tree.point(c.tree.metric(c.tree.scope(r, lset, &c.target), pl), lset, pl.role)
}

// leave tells a point that a series is not a part of it any more.
func (c *Cache) leave(p *point) {
	if p == nil {
		return
	}
	if p.series--; p.series == 0 && !p.dying {
		p.dying = true
		c.dying = append(c.dying, p)
	}
}

// expect makes a point one that gets a staleness marker if it is not on the next page.
func (c *Cache) expect(p *point) {
	if p.live != c.page {
		p.live = c.page
		c.live = append(c.live, p)
	}
}

// applyInfos makes attributes of what target_info says on the page.
func (c *Cache) applyInfos() {
	for _, slot := range c.scratch.infos {
		lset := c.infos[slot]
		if r := c.tree.resources[c.target.origin(lset)]; r != nil {
			r.setInfo(lset, c.page)
		}
	}
	for _, r := range c.tree.resources {
		if r.infoPage != c.page {
			r.info = nil
		}
	}
}
