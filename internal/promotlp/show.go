package promotlp

// show makes a point one of the batch.
func (c *Cache) show(p *point) {
	c.showMetric(p.metric)
	p.metric.shown = append(p.metric.shown, p)
}

func (c *Cache) showMetric(m *metric) {
	if m.page == c.page {
		return
	}
	m.page, m.shown, m.stale = c.page, m.shown[:0], m.stale[:0]
	s := m.scope
	if s.page != c.page {
		s.page, s.shown = c.page, s.shown[:0]
		c.showScope(s)
	}
	s.shown = append(s.shown, m)
}

func (c *Cache) showScope(s *scope) {
	r := s.resource
	if r.page != c.page {
		r.page, r.shown = c.page, r.shown[:0]
		c.out.resources = append(c.out.resources, r)
	}
	r.shown = append(r.shown, s)
}
