package exposition

import (
	"math"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluice-metrics/sluice/internal/series"
)

// messages writes delimited io.prometheus.client.MetricFamily messages. It belongs to one scrape.
// The numbers are those of the fields in metrics.proto of prometheus/client_model.
type messages struct {
	store  *Store
	family *family

	scope  uint32
	shared []byte
	// histograms is what becomes of those of the family.
	histograms histograms

	// What follows is space to work in: one for each depth of messages.
	metric, value, inner, leaf []byte
	scratch                    series.Scratch
}

// begin decides whether histograms of the family are native or classic: a parser takes the first for the kind of all, and
// others may come while the page is written.
func (p *messages) begin(f *family) {
	p.family, p.histograms = f, asClassic
	if p.store.siblings.allNative(f) {
		p.histograms = asTheyAre
	}
}

// heading writes the fields of a family other than its series.
func (p *messages) heading(dst []byte) []byte {
	f := p.family
	dst = appendStringField(dst, 1, f.name)
	if help := p.store.siblings.agreeOnHelp(f.name, f.mu.help); help != "" {
		dst = appendStringField(dst, 2, help)
	}
	dst = appendVarintField(dst, 3, uint64(f.typ))
	if unit := unitOf(f.name, p.store.siblings.agreeOnUnit(f.name, f.mu.unit), f.typ); unit != "" {
		dst = appendStringField(dst, 5, unit)
	}
	return dst
}

// begins returns what stands before so many bytes of series; it is valid until the next message.
func (p *messages) begins(size int) []byte {
	p.inner = p.heading(p.inner[:0])
	p.value = protowire.AppendVarint(p.value[:0], uint64(len(p.inner)+size))
	p.value = append(p.value, p.inner...)
	return p.value
}

// series writes one series as a field of its family. A classic histogram that has come to native ones has to wait.
func (p *messages) series(dst []byte, slot uint32, r *record) []byte {
	if _, late := p.family.state(slot).(*classic); late && p.histograms == asTheyAre {
		return dst
	}
	p.metric = p.appendOwnPairs(p.metric[:0], slot, r)
	if r.scope != 0 && r.flags&flagWhole == 0 {
		p.metric = append(p.metric, p.sharedOf(r.scope)...)
	}
	field := p.appendValue(slot, r)
	p.metric = appendBytesField(p.metric, field, p.value)
	if p.store.opts.SendTimestamps && r.time != 0 {
		p.metric = appendVarintField(p.metric, 6, uint64(r.time/1e6))
	}
	return appendBytesField(dst, 4, p.metric)
}

// appendOwnPairs writes the labels of a series, without those it shares with its scope.
func (p *messages) appendOwnPairs(dst []byte, slot uint32, r *record) []byte {
	if r.flags&flagPlain == 0 {
		return p.appendLabelPairs(dst, []byte(p.family.mu.odd[slot]))
	}
	shape, values := series.Split(p.family.mu.series.KeyOf(slot))
	for _, name := range p.family.mu.shapes[shape].names {
		var value []byte
		value, values = series.First(&p.scratch, values)
		dst = protowire.AppendTag(dst, 1, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(len(name)+1+protowire.SizeBytes(len(value))))
		dst = appendBytesField(append(dst, name...), 2, value)
	}
	return dst
}

// sharedOf returns the pairs of a scope, encoded.
func (p *messages) sharedOf(id uint32) []byte {
	if id != p.scope {
		p.scope = id
		p.shared = p.appendLabelPairs(p.shared[:0], p.store.contexts.scope(id).shared)
	}
	return p.shared
}

// appendLabelPairs turns labels as text into fields.
func (p *messages) appendLabelPairs(dst, text []byte) []byte {
	for len(text) > 0 {
		p.leaf = p.leaf[:0]
		text = p.appendPair(text[1:])
		dst = appendBytesField(dst, 1, p.leaf)
	}
	return dst
}

// appendPair writes the first label of a text to leaf and returns the rest of the text.
func (p *messages) appendPair(text []byte) []byte {
	if text[0] == '"' {
		text = p.appendQuotedField(1, text)
	} else {
		end := 0
		for text[end] != '=' {
			end++
		}
		p.leaf = appendBytesField(p.leaf, 1, text[:end])
		text = text[end:]
	}
	return p.appendQuotedField(2, text[1:])
}

func (p *messages) appendQuotedField(field protowire.Number, text []byte) []byte {
	end, escapes := quotedEnd(text)
	value := text[1:end]
	if escapes {
		value = appendUnescaped(nil, value)
	}
	p.leaf = appendBytesField(p.leaf, field, value)
	return text[end+1:]
}

// appendValue writes the value message and returns the number of its field in a metric.
func (p *messages) appendValue(slot uint32, r *record) protowire.Number {
	p.value = p.value[:0]
	switch p.family.typ {
	case dto.MetricType_COUNTER:
		p.value = appendDoubleField(p.value, 1, r.value)
		p.value = p.appendExemplar(p.value, 2, p.family.mu.exemplars[slot])
		p.value = p.appendTime(p.value, 3, r.start)
		return 3
	case dto.MetricType_GAUGE:
		p.value = appendDoubleField(p.value, 1, r.value)
		return 2
	case dto.MetricType_SUMMARY:
		p.appendSummary(p.family.state(slot).(*summary), r)
		return 4
	case dto.MetricType_HISTOGRAM:
		p.appendHistogram(slot, r)
		return 7
	case dto.MetricType_UNTYPED, dto.MetricType_GAUGE_HISTOGRAM:
	}
	p.value = appendDoubleField(p.value, 1, r.value)
	return 5
}

func (p *messages) appendSummary(s *summary, r *record) {
	p.value = appendVarintField(p.value, 1, s.count)
	p.value = appendDoubleField(p.value, 2, s.sum)
	for _, q := range s.quantiles {
		p.inner = appendDoubleField(p.inner[:0], 1, q.rank)
		p.inner = appendDoubleField(p.inner, 2, q.value)
		p.value = appendBytesField(p.value, 3, p.inner)
	}
	p.value = p.appendTime(p.value, 4, r.start)
}

func (p *messages) appendHistogram(slot uint32, r *record) {
	switch st := p.family.state(slot).(type) {
	case *classic:
		p.appendClassic(st, r)
	case *native:
		if p.histograms == asClassic {
			p.appendClassic(st.fixed(), r)
			return
		}
		p.appendNative(st, r)
	}
}

func (p *messages) appendClassic(c *classic, r *record) {
	p.value = appendVarintField(p.value, 1, c.count())
	p.value = appendDoubleField(p.value, 2, c.sum)
	for i, count := range c.counts {
		p.inner = appendVarintField(p.inner[:0], 1, count)
		p.inner = appendDoubleField(p.inner, 2, c.bounds.upper(i))
		if c.exemplars != nil {
			p.inner = p.appendExemplar(p.inner, 3, c.exemplars[i])
		}
		p.value = appendBytesField(p.value, 3, p.inner)
	}
	p.value = p.appendTime(p.value, 15, r.start)
}

func (p *messages) appendNative(n *native, r *record) {
	p.value = appendVarintField(p.value, 1, n.count)
	p.value = appendDoubleField(p.value, 2, n.sum)
	p.value = appendVarintField(p.value, 5, protowire.EncodeZigZag(int64(n.schema)))
	p.value = appendDoubleField(p.value, 6, n.zeroThreshold)
	p.value = appendVarintField(p.value, 7, n.zeroCount)
	p.appendSide(n.negative, 9, 10)
	p.appendSide(n.positive, 12, 13)
	if n.isEmpty() {
		p.value = appendBytesField(p.value, 12, appendSpan(p.inner[:0], 0, 0))
	}
	p.value = p.appendTime(p.value, 15, r.start)
	for _, e := range n.exemplars {
		p.value = p.appendExemplar(p.value, 16, e)
	}
}

func (p *messages) appendSide(s side, spans, deltas protowire.Number) {
	s.spans(func(offset int32, length uint32) {
		p.inner = appendSpan(p.inner[:0], offset, length)
		p.value = appendBytesField(p.value, spans, p.inner)
	})
	s.deltas(func(delta int64) {
		p.value = appendVarintField(p.value, deltas, protowire.EncodeZigZag(delta))
	})
}

func appendSpan(dst []byte, offset int32, length uint32) []byte {
	dst = appendVarintField(dst, 1, protowire.EncodeZigZag(int64(offset)))
	return appendVarintField(dst, 2, uint64(length))
}

func (p *messages) appendExemplar(dst []byte, field protowire.Number, e *exemplar) []byte {
	if e == nil {
		return dst
	}
	message := p.appendLabelPairs(nil, []byte(e.labels))
	message = appendDoubleField(message, 2, e.value)
	message = p.appendTime(message, 3, e.time)
	return appendBytesField(dst, field, message)
}

// appendTime writes a google.protobuf.Timestamp, unless there is no time.
func (p *messages) appendTime(dst []byte, field protowire.Number, ts pcommon.Timestamp) []byte {
	if usable(ts) == 0 {
		return dst
	}
	p.leaf = appendVarintField(p.leaf[:0], 1, uint64(ts/1e9))
	p.leaf = appendVarintField(p.leaf, 2, uint64(ts%1e9))
	return appendBytesField(dst, field, p.leaf)
}

func appendVarintField(dst []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), v)
}

func appendDoubleField(dst []byte, field protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(dst, field, protowire.Fixed64Type), math.Float64bits(v))
}

func appendBytesField(dst []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), v)
}

func appendStringField(dst []byte, field protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), v)
}

// forget lets go of everything but memory to work in.
func (p *messages) forget() { p.store, p.family, p.scope = nil, nil, 0 }
