package exposition

import (
	"math"
	"strconv"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// lines writes the pages that consist of lines, text and OpenMetrics. It belongs to one scrape.
type lines struct {
	store       *Store
	openMetrics bool

	family *family
	called openMetricsFamily
	// plain is the name of what has one line only; the others are those of a distribution.
	plain, bucket, sum, count, created sampleName

	// scope and shared are those of the last series.
	scope  uint32
	shared []byte

	// What follows is space to work in.
	labels, rank []byte
	steps        []step
	le           lePieces
}

// begin prepares for a family, whose lock the caller holds.
func (l *lines) begin(f *family, called openMetricsFamily) {
	l.family, l.called = f, called
	if !l.openMetrics {
		l.called = openMetricsFamily{name: f.name, typ: typeWord(f.typ)}
	}
	legacy := isLegacyName(f.name)
	l.plain.set(f.name, "", legacy)
	l.created.set(l.called.name, createdSuffix, legacy)
	l.bucket.set(f.name, "_bucket", legacy)
	l.sum.set(f.name, "_sum", legacy)
	l.count.set(f.name, "_count", legacy)
	l.settleMisfit()
}

// settleMisfit calls a family a gauge that has a series which its type in OpenMetrics does not allow.
func (l *lines) settleMisfit() {
	if l.openMetrics && l.family.mu.misfit && (l.called.typ == kindInfo || l.called.typ == kindStateset) {
		l.called.name, l.called.typ = l.family.name, "gauge"
	}
}

func (l *lines) heading(dst []byte) []byte {
	f := l.family
	if f.mu.help != "" {
		dst = l.keyword(dst, "# HELP ")
		dst = append(appendEscaped(append(dst, ' '), f.mu.help, l.escapesInHelp()), '\n')
	}
	dst = l.keyword(dst, "# TYPE ")
	dst = append(append(append(dst, ' '), l.called.typ...), '\n')
	if unit := l.unit(); unit != "" {
		dst = l.keyword(dst, "# UNIT ")
		dst = append(append(append(dst, ' '), unit...), '\n')
	}
	return dst
}

func (l *lines) keyword(dst []byte, word string) []byte {
	dst = append(dst, word...)
	if isLegacyName(l.called.name) {
		return append(dst, l.called.name...)
	}
	return appendQuoted(dst, l.called.name)
}

func (l *lines) escapesInHelp() string {
	if l.openMetrics {
		return escapesInQuotes
	}
	return "\\\n"
}

// unit is for OpenMetrics only, where info and stateset have none.
func (l *lines) unit() string {
	if !l.openMetrics || l.called.typ == kindInfo || l.called.typ == kindStateset {
		return ""
	}
	return unitOf(l.called.name, l.family.mu.unit, dto.MetricType_UNTYPED)
}

// series writes the lines of one series.
func (l *lines) series(dst []byte, slot uint32, r *record) []byte {
	st := l.family.state(slot)
	if st == nil {
		return l.number(dst, slot, r)
	}
	l.labels = append(l.family.appendOwn(l.labels[:0], slot, r), l.sharedOf(r)...)
	switch st := st.(type) {
	case *classic:
		return l.classic(dst, r, st)
	case *native:
		if l.store.opts.DropExponentialInText {
			return dst
		}
		return l.native(dst, r, st)
	case *summary:
		return l.summary(dst, r, st)
	default:
		return dst
	}
}

func (l *lines) sharedOf(r *record) []byte {
	if r.scope == 0 || r.flags&flagWhole != 0 {
		return nil
	}
	if r.scope != l.scope {
		l.scope, l.shared = r.scope, l.store.contexts.scope(r.scope).shared
	}
	return l.shared
}

func (l *lines) number(dst []byte, slot uint32, r *record) []byte {
	dst = append(dst, l.plain.begin...)
	mark := len(dst)
	dst = append(l.family.appendOwn(dst, slot, r), l.sharedOf(r)...)
	if l.called.created && l.family.typ == dto.MetricType_COUNTER {
		l.labels = append(l.labels[:0], dst[mark:]...)
	}
	dst = l.plain.endLabels(dst, mark)
	dst = l.end(appendFloat(dst, r.value), r.time, l.exemplarOf(slot))
	if l.family.typ == dto.MetricType_COUNTER {
		dst = l.createdLine(dst, r)
	}
	return dst
}

// exemplarOf returns none for a family that is no counter in OpenMetrics: only counters and buckets have them.
func (l *lines) exemplarOf(slot uint32) *exemplar {
	if l.called.typ != "counter" || l.family.mu.exemplars == nil {
		return nil
	}
	return l.family.mu.exemplars[slot]
}

// createdLine is for the series whose labels are in l.labels.
func (l *lines) createdLine(dst []byte, r *record) []byte {
	if !l.called.created || usable(r.start) == 0 {
		return dst
	}
	dst = l.created.appendTo(dst, l.labels, nil)
	return l.end(appendSeconds(dst, r.start), r.time, nil)
}

// end writes what follows a value.
func (l *lines) end(dst []byte, ts pcommon.Timestamp, e *exemplar) []byte {
	if l.store.opts.SendTimestamps && ts != 0 {
		dst = l.time(append(dst, ' '), ts)
	}
	if e != nil && l.openMetrics {
		dst = l.exemplar(dst, e)
	}
	return append(dst, '\n')
}

func (l *lines) time(dst []byte, ts pcommon.Timestamp) []byte {
	if l.openMetrics {
		return appendSeconds(dst, ts)
	}
	return appendMillis(dst, ts)
}

func (l *lines) exemplar(dst []byte, e *exemplar) []byte {
	dst = append(dst, " # {"...)
	if e.labels != "" {
		dst = append(dst, e.labels[1:]...)
	}
	dst = appendFloat(append(dst, '}', ' '), e.value)
	if e.time != 0 {
		dst = appendSeconds(append(dst, ' '), e.time)
	}
	return dst
}

func (l *lines) classic(dst []byte, r *record, c *classic) []byte {
	l.le.set(c.bounds, l.openMetrics)
	for i, count := range c.counts {
		var e *exemplar
		if c.exemplars != nil {
			e = c.exemplars[i]
		}
		dst = l.bucketLine(dst, r, l.le.at(i), count, e)
	}
	return l.totals(dst, r, c.sum, c.count())
}

func (l *lines) native(dst []byte, r *record, n *native) []byte {
	l.steps = n.cumulative(l.steps)
	var exemplars []*exemplar
	if l.openMetrics && len(n.exemplars) > 0 {
		exemplars = n.fixed().exemplars
	}
	for i := range len(l.steps) + 1 {
		bound, count := math.Inf(1), n.count
		if i < len(l.steps) {
			bound, count = l.steps[i].bound, l.steps[i].count
		}
		var e *exemplar
		if exemplars != nil {
			e = exemplars[i]
		}
		dst = l.bucketLine(dst, r, l.le.one(bound, l.openMetrics), count, e)
	}
	return l.totals(dst, r, n.sum, n.count)
}

func (l *lines) bucketLine(dst []byte, r *record, le []byte, count uint64, e *exemplar) []byte {
	dst = l.bucket.appendTo(dst, l.labels, le)
	return l.end(strconv.AppendUint(dst, count, 10), r.time, e)
}

func (l *lines) totals(dst []byte, r *record, sum float64, count uint64) []byte {
	dst = l.sum.appendTo(dst, l.labels, nil)
	dst = l.end(appendFloat(dst, sum), r.time, nil)
	dst = l.count.appendTo(dst, l.labels, nil)
	dst = l.end(strconv.AppendUint(dst, count, 10), r.time, nil)
	return l.createdLine(dst, r)
}

func (l *lines) summary(dst []byte, r *record, s *summary) []byte {
	for _, q := range s.quantiles {
		l.rank = appendNumberLabel(l.rank[:0], `,quantile="`, q.rank, l.openMetrics)
		dst = l.plain.appendTo(dst, l.labels, l.rank)
		dst = l.end(appendFloat(dst, q.value), r.time, nil)
	}
	return l.totals(dst, r, s.sum, s.count)
}

// forget lets go of everything but memory to work in.
func (l *lines) forget() {
	l.store, l.family, l.scope, l.shared, l.le.bounds = nil, nil, 0, nil, nil
}
