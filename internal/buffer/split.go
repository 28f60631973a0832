package buffer

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// split makes items of metrics: of one stream each, and no larger than a batch.
func (b *Buffer) split(ctx context.Context, md pmetric.Metrics) (items []*item) {
	m, now := b.opts.Streams.metadataOf(ctx), time.Now()
	for _, part := range b.byLane(md, m) {
		for _, it := range b.pieces(newItem(part.md)) {
			it.id, it.metadata, it.since = part.id, m, now
			items = append(items, it)
		}
	}
	return items
}

func newItem(md pmetric.Metrics) *item {
	it := &item{md: md, points: md.DataPointCount(), wire: wireBytes(md)}
	it.heap = heapOf(md, it.wire, it.points)
	return it
}

// part is the metrics of one lane.
type part struct {
	id uint64
	md pmetric.Metrics
}

// byLane returns md itself if it belongs to one lane; else its resources are moved, or copied if others hold them too.
func (b *Buffer) byLane(md pmetric.Metrics, m metadata) []part {
	rms := md.ResourceMetrics()
	lanes := make([]uint64, rms.Len())
	same := true
	for i := range lanes {
		lanes[i] = b.opts.Streams.lane(b.opts.Streams.ofResource(rms.At(i).Resource().Attributes()), m)
		same = same && lanes[i] == lanes[0]
	}
	switch {
	case len(lanes) == 0:
		return nil
	case same:
		return []part{{lanes[0], keep(md)}}
	}
	return scatter(rms, lanes, md.IsReadOnly())
}

func scatter(rms pmetric.ResourceMetricsSlice, lanes []uint64, shared bool) (parts []part) {
	at := make(map[uint64]int, len(lanes))
	for i, id := range lanes {
		p, known := at[id]
		if !known {
			p = len(parts)
			at[id] = p
			parts = append(parts, part{id, newMetrics()})
		}
		to := parts[p].md.ResourceMetrics().AppendEmpty()
		if shared {
			rms.At(i).CopyTo(to)
		} else {
			rms.At(i).MoveTo(to)
		}
	}
	return parts
}

// pieces cuts what is larger than a batch, and pieces again whose points are larger than others. A single point may be larger
// than a batch.
func (b *Buffer) pieces(it *item) []*item {
	most := it.points
	if b.opts.BatchItems > 0 {
		most = min(most, b.opts.BatchItems)
	}
	if over(it.wire, b.opts.BatchBytes) {
		most = min(most, max(1, int(int64(it.points)*b.opts.BatchBytes/it.wire)))
	}
	if most >= it.points {
		return []*item{it}
	}
	var pieces []*item
	for _, md := range otlp.Split(own(it.md), most) {
		pieces = append(pieces, b.pieces(newItem(keep(md)))...)
	}
	return pieces
}

// own returns metrics that may be changed: md, or a copy if others hold it too.
func own(md pmetric.Metrics) pmetric.Metrics {
	if !md.IsReadOnly() {
		return md
	}
	mine := newMetrics()
	md.CopyTo(mine)
	return mine
}
