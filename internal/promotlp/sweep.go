package promotlp

import "github.com/prometheus/prometheus/model/labels"

// sweep forgets the series that a good page does not have. After a bad one they are kept, but not beyond twice as many
// as there were, as in Prometheus.
func (c *Cache) sweep() {
	held := c.series.Len() + len(c.meta.families)
	switch {
	case c.good && c.full:
		if c.seen < c.series.Len() {
			c.flush()
		}
		c.meta.forget(c.page)
		c.successful = c.series.Len() + len(c.meta.families)
	case held > 2*c.successful+1000:
		c.flush()
		c.meta.forget(c.page)
	}
}

func (c *Cache) flush() {
	for slot, e := range c.series.Slots(0, c.series.End()) {
		if e.page == c.page {
			continue
		}
		c.leave(e.point)
		c.wear(e)
		delete(c.infos, slot)
		c.series.Remove(slot)
	}
	if c.series.Sparse() {
		infos := c.infos
		c.infos = make(map[uint32]labels.Labels, len(infos))
		c.series.Compact(func(from, to uint32, _ *entry) {
			if lset, ok := infos[from]; ok {
				c.infos[to] = lset
			}
		})
	}
}

// wear notes that a bucket or quantile is gone. A histogram whose bounds change all the time is placed anew now and then.
func (c *Cache) wear(e *entry) {
	if e.role != roleBucket && e.role != roleQuantile {
		return
	}
	p := e.point
	if p.buckets.gone++; p.buckets.worn() {
		p.buckets = p.buckets.renew(p.page)
		c.meta.epoch++
	}
}

// bury removes points that no series is a part of, and that nobody waits for.
func (c *Cache) bury() {
	kept := c.dying[:0]
	for _, p := range c.dying {
		switch {
		case p.series > 0:
			p.dying = false
		case p.owed || p.live == c.page:
			kept = append(kept, p)
		default:
			c.tree.remove(p)
		}
	}
	clear(c.dying[len(kept):])
	c.dying = kept
}
