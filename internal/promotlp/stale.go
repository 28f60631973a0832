package promotlp

// markGone owes staleness markers to what was expected and is not there. Whatever is back is owed none.
func (c *Cache) markGone() {
	c.forgive()
	for _, p := range c.before {
		if p.live != c.page && p.live > 0 {
			c.owe(p)
		}
	}
	c.boundOwed()
	for _, p := range c.owed {
		c.showMetric(p.metric)
		p.metric.stale = append(p.metric.stale, p)
	}
}

func (c *Cache) owe(p *point) {
	if !p.owed {
		p.owed = true
		c.owed = append(c.owed, p)
	}
}

func (c *Cache) forgive() {
	kept := c.owed[:0]
	for _, p := range c.owed {
		if p.owed = p.live != c.page; p.owed {
			kept = append(kept, p)
		}
	}
	clear(c.owed[len(kept):])
	c.owed = kept
}

// lose is for a point that cannot be passed on as it is on this page. It reports whether it was, before, and needs a
// marker.
func (c *Cache) lose(p *point, why Reason) bool {
	c.counts.Dropped[why]++
	p.live = 0
	if !p.sent {
		return false
	}
	p.sent = false
	c.owe(p)
	return true
}

// manyOwed is how many markers may wait beyond as many as there are series: a pipeline that is down for long must not
// make the cache grow without end.
const manyOwed = 10_000

// boundOwed gives up the oldest markers.
func (c *Cache) boundOwed() {
	lost := len(c.owed) - manyOwed - c.series.Len()
	if lost <= 0 {
		return
	}
	for _, p := range c.owed[:lost] {
		p.owed = false
	}
	c.counts.Dropped[LostMarkers] += lost
	c.owed = append(c.owed[:0], c.owed[lost:]...)
}
