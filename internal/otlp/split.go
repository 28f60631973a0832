package otlp

import "go.opentelemetry.io/collector/pdata/pmetric"

// Split moves the points of md into batches of at most limit points, in their order: all are full but the last. With a
// limit of 0 or less, or no more points than it, md itself is the only batch; else md must not be read-only, and is
// empty afterwards. A resource, a scope and a metric are in each batch that has points of theirs; those without points
// are in one, where they were in the order. Attributes that points share stay shared: the batches must be marked
// read-only as md would have been.
func Split(md pmetric.Metrics, limit int) []pmetric.Metrics {
	left := md.DataPointCount()
	if limit <= 0 || left <= limit {
		return []pmetric.Metrics{md}
	}
	parts := make([]pmetric.Metrics, 0, (left-1)/limit+1)
	var c cursor
	for ; left > 0; left -= limit {
		part := pmetric.NewMetrics()
		fill(resources{&c}, md.ResourceMetrics(), part.ResourceMetrics(), &c.resource, limit)
		parts = append(parts, part)
	}
	md.ResourceMetrics().RemoveIf(func(pmetric.ResourceMetrics) bool { return true })
	return parts
}

// cursor is where the next part begins. What is before it has been moved, and its empty shells stay until the rest
// fits into a part: to remove them at each cut would take time quadratic in the number of parts.
type cursor struct{ resource, scope, metric, point int }

type slice[E any] interface {
	Len() int
	At(i int) E
	AppendEmpty() E
	EnsureCapacity(n int)
	RemoveIf(f func(E) bool)
}

type movable[E any] interface{ MoveTo(dest E) }

// level is what resources, scopes and metrics do each in their way with the element under the cursor.
type level[E any] interface {
	// left returns the number of points that are not moved yet, or some number above limit, so that what is looked at
	// is what is moved next.
	left(e E, limit int) int
	// trim removes the shells and sets the cursor of the levels below to the beginning.
	trim(e E)
	// cut moves the next n points, which are not all, to dest, with what identifies e.
	cut(e, dest E, n int)
}

// fill moves elements as long as room, in points, lasts, those without points even when there is none left. An element
// that does not fit is cut, but never into a piece without points.
func fill[S slice[E], E movable[E]](l level[E], src, dest S, next *int, room int) {
	for ; *next < src.Len(); *next++ {
		e := src.At(*next)
		n := l.left(e, room)
		if n > room {
			if room > 0 {
				l.cut(e, dest.AppendEmpty(), room)
			}
			return
		}
		l.trim(e)
		e.MoveTo(dest.AppendEmpty())
		room -= n
	}
}

type resources struct{ *cursor }

func (r resources) left(rm pmetric.ResourceMetrics, limit int) int {
	n, at := 0, *r.cursor
	for sms := rm.ScopeMetrics(); at.scope < sms.Len() && n <= limit; at.scope++ {
		n += scopes{&at}.left(sms.At(at.scope), limit-n)
		at.metric, at.point = 0, 0
	}
	return n
}

func (r resources) trim(rm pmetric.ResourceMetrics) {
	dropFirst(rm.ScopeMetrics(), r.scope)
	r.scope = 0
	if rm.ScopeMetrics().Len() > 0 {
		scopes(r).trim(rm.ScopeMetrics().At(0))
	}
}

func (r resources) cut(rm, dest pmetric.ResourceMetrics, n int) {
	rm.Resource().CopyTo(dest.Resource())
	dest.SetSchemaUrl(rm.SchemaUrl())
	fill(scopes(r), rm.ScopeMetrics(), dest.ScopeMetrics(), &r.scope, n)
}

type scopes struct{ *cursor }

func (s scopes) left(sm pmetric.ScopeMetrics, limit int) int {
	n, at := 0, *s.cursor
	for ms := sm.Metrics(); at.metric < ms.Len() && n <= limit; at.metric++ {
		n += metrics{&at}.left(ms.At(at.metric), limit-n)
		at.point = 0
	}
	return n
}

func (s scopes) trim(sm pmetric.ScopeMetrics) {
	dropFirst(sm.Metrics(), s.metric)
	s.metric = 0
	if sm.Metrics().Len() > 0 {
		metrics(s).trim(sm.Metrics().At(0))
	}
}

func (s scopes) cut(sm, dest pmetric.ScopeMetrics, n int) {
	sm.Scope().CopyTo(dest.Scope())
	dest.SetSchemaUrl(sm.SchemaUrl())
	fill(metrics(s), sm.Metrics(), dest.Metrics(), &s.metric, n)
}

type metrics struct{ *cursor }

func (m metrics) left(e pmetric.Metric, _ int) int { return PointCount(e) - m.point }

func (m metrics) trim(e pmetric.Metric) {
	switch e.Type() {
	case pmetric.MetricTypeGauge:
		dropFirst(e.Gauge().DataPoints(), m.point)
	case pmetric.MetricTypeSum:
		dropFirst(e.Sum().DataPoints(), m.point)
	case pmetric.MetricTypeHistogram:
		dropFirst(e.Histogram().DataPoints(), m.point)
	case pmetric.MetricTypeExponentialHistogram:
		dropFirst(e.ExponentialHistogram().DataPoints(), m.point)
	case pmetric.MetricTypeSummary:
		dropFirst(e.Summary().DataPoints(), m.point)
	case pmetric.MetricTypeEmpty:
	}
	m.point = 0
}

func (m metrics) cut(e, dest pmetric.Metric, n int) {
	dest.SetName(e.Name())
	dest.SetDescription(e.Description())
	dest.SetUnit(e.Unit())
	e.Metadata().CopyTo(dest.Metadata())
	m.cutData(e, dest, n)
	m.point += n
}

func (m metrics) cutData(e, dest pmetric.Metric, n int) {
	switch e.Type() {
	case pmetric.MetricTypeGauge:
		move(e.Gauge().DataPoints(), dest.SetEmptyGauge().DataPoints(), m.point, n)
	case pmetric.MetricTypeSum:
		to := dest.SetEmptySum()
		to.SetAggregationTemporality(e.Sum().AggregationTemporality())
		to.SetIsMonotonic(e.Sum().IsMonotonic())
		move(e.Sum().DataPoints(), to.DataPoints(), m.point, n)
	case pmetric.MetricTypeHistogram:
		to := dest.SetEmptyHistogram()
		to.SetAggregationTemporality(e.Histogram().AggregationTemporality())
		move(e.Histogram().DataPoints(), to.DataPoints(), m.point, n)
	case pmetric.MetricTypeExponentialHistogram:
		to := dest.SetEmptyExponentialHistogram()
		to.SetAggregationTemporality(e.ExponentialHistogram().AggregationTemporality())
		move(e.ExponentialHistogram().DataPoints(), to.DataPoints(), m.point, n)
	case pmetric.MetricTypeSummary:
		move(e.Summary().DataPoints(), dest.SetEmptySummary().DataPoints(), m.point, n)
	case pmetric.MetricTypeEmpty:
	}
}

func move[S slice[E], E movable[E]](src, dest S, from, n int) {
	dest.EnsureCapacity(n)
	for i := from; i < from+n; i++ {
		src.At(i).MoveTo(dest.AppendEmpty())
	}
}

func dropFirst[S slice[E], E any](s S, n int) {
	if n == 0 {
		return
	}
	s.RemoveIf(func(E) bool {
		n--
		return n >= 0
	})
}
