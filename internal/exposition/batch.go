package exposition

import (
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/otlp"
	"github.com/sluice-metrics/sluice/internal/series"
)

// batch reads one batch into the store.
type batch struct {
	*Store
	number uint32
	now    int64
	wall   pcommon.Timestamp
	out    Outcome
	// live counts the points of a resource that have a value and a place.
	live int
	gone removals

	// What follows is space to work in.
	resourceKey, scopeKey, targetKey, text []byte
	own, all                               []label
}

func (b *batch) read(md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		b.readResource(rm)
	}
}

func (b *batch) readResource(rm pmetric.ResourceMetrics) {
	attrs := rm.Resource().Attributes()
	b.resourceKey = series.AppendKey(b.resourceKey[:0], attrs)
	b.live = 0
	for _, sm := range rm.ScopeMetrics().All() {
		b.readScope(attrs, sm)
	}
	b.finish(&b.gone)
	b.gone.resources = b.gone.resources[:0]
}

// readScope updates target_info with each scope that brought a value: staleness markers alone must not bring back a
// target that is gone.
func (b *batch) readScope(attrs pcommon.Map, sm pmetric.ScopeMetrics) {
	sc := b.acquireScope(b.resourceKey, attrs, sm)
	before := b.live
	for _, m := range sm.Metrics().All() {
		b.readMetric(m, sc)
	}
	if before == 0 && b.live > 0 {
		b.targetInfo(sc.resource)
	}
	b.gone.release(&b.contexts, sc)
}

// readMetric reads all points of one metric.
func (b *batch) readMetric(m pmetric.Metric, sc *scope) {
	kind, ok := kindOf(m)
	if !ok {
		b.out.refuse(ReasonUnknownType, max(1, otlp.PointCount(m)))
		return
	}
	d := b.describe(m, kind)
	if !d.valid {
		b.out.refuse(ReasonInvalidName, otlp.PointCount(m))
		return
	}
	f := b.open(d, otlp.PointCount(m))
	if f == nil {
		return
	}
	b.describeFamily(f, d, m.Description())
	r := reader{batch: b, family: f, scope: sc}
	r.read(m)
	b.closeFamily(f)
}

// open returns the family with its lock held; when there is none, the points are refused.
func (b *batch) open(d *descriptor, points int) *family {
	f, owner, reason := b.openFamily(d)
	if f == nil {
		b.out.refuse(reason, points)
		b.conflict(owner, d, reason)
	}
	return f
}

// closeFamily ends what open began.
func (b *batch) closeFamily(f *family) {
	b.account(f)
	empty := f.mu.series.Len() == 0
	f.mu.Unlock()
	if empty {
		b.dropIfEmpty(f)
	}
}

func appendScopeKey(dst []byte, sm pmetric.ScopeMetrics) []byte {
	dst = series.AppendText(dst, sm.Scope().Name())
	dst = series.AppendText(dst, sm.Scope().Version())
	dst = series.AppendText(dst, sm.SchemaUrl())
	return series.AppendKey(dst, sm.Scope().Attributes())
}

// appendTargetKey writes the identity of a target_info series, of which there is one for each job and instance. No
// scope has the ID 0.
func appendTargetKey(dst []byte, tg *target) []byte {
	return appendLabels(binary.AppendUvarint(dst, 0), tg.identity)
}
