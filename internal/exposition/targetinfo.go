package exposition

import (
	"slices"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

const targetInfoName = "target_info"

func targetDescriptor() *descriptor {
	return &descriptor{name: targetInfoName, valid: true, kind: metricKind{typ: dto.MetricType_GAUGE, only: kindInfo}}
}

// targetInfo adds the target_info of a resource that has anything to tell, in the place of one that told otherwise.
func (b *batch) targetInfo(r *resource) {
	if b.opts.WithoutTargetInfo || len(r.target.info) == 0 {
		return
	}
	f := b.open(b.target, 1)
	if f == nil {
		return
	}
	b.describeFamily(f, b.target, "Target metadata")
	b.setTargetInfo(f, r)
	b.closeFamily(f)
}

func (b *batch) setTargetInfo(f *family, r *resource) {
	b.targetKey = appendTargetKey(b.targetKey[:0], &r.target)
	slot, known := f.mu.series.Find(b.targetKey)
	if known {
		if rec := f.mu.series.At(slot); rec.start == pcommon.Timestamp(r.serial) {
			rec.updated = b.now
			return
		}
		b.remove(f, slot, &b.gone)
	}
	b.addTargetInfo(f, r)
}

// addTargetInfo gives way to a series that somebody sends under the same labels.
func (b *batch) addTargetInfo(f *family, r *resource) {
	all := resolve(slices.Concat(r.target.identity, r.target.constant, r.target.info), f.typ)
	hash := b.hashLabels(all)
	_, taken := f.mu.labels.Find(hash, func(slot uint32) bool { return sameLabels(all, b.labelsOf(f, slot)) })
	if taken {
		return
	}
	b.text = appendLabels(b.text[:0], all)
	slot, reason := b.newSeries(f, b.targetKey, hash, len(b.text))
	if reason != "" {
		b.out.refuse(reason, 1)
		return
	}
	f.setOdd(slot, b.text)
	rec := f.mu.series.At(slot)
	rec.value, rec.start, rec.updated = 1, pcommon.Timestamp(r.serial), b.now
}

// removeTargetInfo removes the target_info of a resource that is gone, unless another one's has taken its place.
func (s *Store) removeTargetInfo(r *resource) {
	s.mu.RLock()
	f := s.mu.families[targetInfoName]
	s.mu.RUnlock()
	if f == nil {
		return
	}
	f.mu.Lock()
	slot, found := f.mu.series.Find(appendTargetKey(nil, &r.target))
	if found && !f.dead.Load() && f.mu.series.At(slot).start == pcommon.Timestamp(r.serial) {
		var none removals
		s.remove(f, slot, &none)
		s.account(f)
	}
	f.mu.Unlock()
	s.dropIfEmpty(f)
}
