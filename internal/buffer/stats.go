package buffer

import (
	"github.com/sluice-metrics/sluice/internal/spill"
)

// counts are data points, save for batches, refusals and their like. Buffer.mu guards them.
type counts struct {
	accepted, recovered, delivered, returned, kept, refused, spilled int64
	dropped                                                          [reasons]int64
	batches, refusals                                                int64
}

// Stats is what a buffer holds and has done, at one moment. See the package's comment for how the counts add up.
type Stats struct {
	// Data points since Open. Refused ones were never accepted; Spilled are those of the accepted that were written to disk.
	Accepted, Recovered, Delivered, Returned, Refused, Spilled int64
	// Kept are those of calls of Add that failed which were not returned: they are delivered, held or dropped all the same.
	Kept    int64
	Dropped [reasons]int64
	// Batches were taken, Refusals is how often one was not.
	Batches, Refusals int64

	// MemoryPoints and DiskPoints are held now: what flies is one of the two.
	MemoryPoints, DiskPoints int64
	// MemoryBytes is heap, replay included.
	MemoryBytes, DiskBytes int64
	// Streams hold something. Workers deliver, of Slots.
	Streams, Workers, Slots int
	// Log is what the log says, all 0 without one.
	Log spill.Stats
}

// Stats does not wait for the disk or a taker.
func (b *Buffer) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.counts
	s := Stats{
		Accepted: c.accepted, Recovered: c.recovered, Delivered: c.delivered, Returned: c.returned, Kept: c.kept, Refused: c.refused,
		Spilled: c.spilled, Dropped: c.dropped, Batches: c.batches, Refusals: c.refusals, MemoryBytes: b.memory + b.reading,
	}
	for _, l := range b.lanes {
		if l.served {
			s.Streams++
		}
		s.MemoryPoints += l.memoryPoints()
	}
	s.Workers, s.Slots = b.slots.now()
	if b.log != nil {
		s.Log = b.log.Stats()
		s.DiskPoints, s.DiskBytes = int64(s.Log.Pending.Points), s.Log.DiskBytes
		s.Dropped[Unreadable] += int64(s.Log.Damaged.Points)
	}
	return s
}

// memoryPoints are those that are in memory alone. Buffer.mu is held.
func (l *lane) memoryPoints() (points int64) {
	if it := l.flying; it != nil && it.place == flying && !it.isStored() {
		points = int64(it.points)
	}
	for _, it := range l.queue {
		points += int64(it.points)
	}
	return points
}
