package buffer

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
)

// place is where an item is.
type place uint8

// An item is queued in memory; or being written to disk, and blocks its lane until it is; or flying, as a batch or part of
// one; or settled: delivered, dropped, returned, or nothing but a record on disk.
const (
	queued place = iota
	writing
	flying
	settled
)

// item is a piece of what was added, or a batch of such pieces, or of records.
type item struct {
	id       uint64 // of the lane
	lane     *lane
	seq      uint64
	metadata metadata
	md       pmetric.Metrics
	// body is md as protobuf, once md is a taker's who may change it.
	body   []byte
	points int
	wire   int64
	heap   int64
	since  time.Time

	// What follows is guarded by Buffer.mu.
	place place
	// held says that heap counts as held in memory.
	held bool
	// into is the batch that the item has become part of.
	into *item
	// merging says that md and body are being made.
	merging bool
	// copying says that a flying item is being written, copied that it was, under seq.
	copying, copied bool
	// onDisk says that a settled item is a record now.
	onDisk bool
	claims []claim
	// records are what a batch from disk is made of, for which reserved was set apart of memory.
	records  []uint64
	reserved int64
	// scratch is what records are read into while it is made.
	scratch *[]byte
	// othersTaken is how many batches had been taken when this one was first refused.
	othersTaken int64
}

// batch is the item in which this one is now.
func (it *item) batch() *item {
	for it.into != nil {
		it = it.into
	}
	return it
}

// keep makes metrics survive the return to who handed them over: with the gate pdata.useProtoPooling, they would be
// given back to a pool.
func keep(md pmetric.Metrics) pmetric.Metrics {
	pref.RefMetrics(md)
	pref.MarkPipelineOwnedMetrics(md)
	return md
}

// newMetrics returns metrics that no consumer gives back to a pool.
func newMetrics() pmetric.Metrics { return keep(pmetric.NewMetrics()) }

// receipt is what a call of Add waits for: all its pieces are on disk or delivered, or one has failed. Buffer.mu guards it,
// save for err when done is closed.
type receipt struct {
	left int
	err  error
	done chan struct{}
	// points are those of all pieces, returned those that are not in the buffer any more if the call fails.
	points, returned int64
}

// claim is a receipt's part of an item.
type claim struct {
	*receipt
	points int64
}

func newReceipt(items []*item) *receipt {
	r := &receipt{left: len(items), done: make(chan struct{})}
	for _, it := range items {
		c := claim{r, int64(it.points)}
		it.claims = []claim{c}
		r.points += c.points
	}
	return r
}

// open tells whether somebody still waits.
func (r *receipt) open() bool { return r.left > 0 }

// settle is told of one piece.
func (r *receipt) settle(err error) {
	if !r.open() {
		return
	}
	r.left--
	if err != nil {
		r.left, r.err = 0, err
	}
	if r.left == 0 {
		close(r.done)
	}
}

// answer tells those who wait for the item that all is well. Buffer.mu is held.
func (it *item) answer() {
	for _, c := range it.claims {
		c.settle(nil)
	}
	it.claims = nil
}

// refuse tells those who wait for an item that is held no more, and returns how many of its points they hear of.
// Buffer.mu is held.
func (it *item) refuse(err error) (returned int64) {
	for _, c := range it.claims {
		if c.open() {
			returned += c.points
			c.returned += c.points
			c.settle(err)
		}
	}
	it.claims = nil
	return returned
}

// wait returns when all is settled, or ctx ends.
func (r *receipt) wait(ctx context.Context, most time.Duration) (settled bool, err error) {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-r.done:
		return true, r.err
	case <-ctx.Done():
		return false, ctx.Err()
	case <-t.C:
		return false, nil
	}
}
