package promotlp

import (
	"encoding/hex"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// exemplars gives a point its exemplars, in the order of the page.
func (c *Cache) exemplars(es pmetric.ExemplarSlice, p *point) {
	if p.exemplars == 0 {
		return
	}
	c.out.chain = c.out.chain[:0]
	for i := p.exemplars; i > 0; i = c.scratch.exemplars[i-1].next {
		c.out.chain = append(c.out.chain, i-1)
	}
	es.EnsureCapacity(len(c.out.chain))
	for _, at := range slices.Backward(c.out.chain) {
		c.scratch.exemplars[at].fill(es.AppendEmpty())
	}
}

func (e *exemplarOf) fill(dst pmetric.Exemplar) {
	dst.SetDoubleValue(e.value)
	dst.SetTimestamp(stamp(e.ms))
	attributes := dst.FilteredAttributes()
	for _, l := range e.labels {
		var trace pcommon.TraceID
		var span pcommon.SpanID
		switch {
		case l.Name == "trace_id" && decoded(trace[:], l.Value):
			dst.SetTraceID(trace)
		case l.Name == "span_id" && decoded(span[:], l.Value):
			dst.SetSpanID(span)
		default:
			attributes.PutStr(l.Name, l.Value)
		}
	}
}

// decoded reads an ID of the right length.
func decoded(dst []byte, text string) bool {
	if len(text) != hex.EncodedLen(len(dst)) {
		return false
	}
	_, err := hex.Decode(dst, []byte(text))
	return err == nil
}
