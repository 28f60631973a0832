package spill

import (
	"cmp"
	"slices"
)

// Amount is how much there is of something. Bytes are those on disk, headers included.
type Amount struct {
	Records, Points uint64
	Bytes           int64
}

func (a *Amount) add(records, points uint64, bytes int64) {
	a.Records += records
	a.Points += points
	a.Bytes += bytes
}

func (a *Amount) sub(points uint64, bytes int64) {
	a.Records--
	a.Points -= points
	a.Bytes -= bytes
}

// Stats is what a log holds, and what has become of what it held. Since Open,
//
//	Recovered + Appended = Done + SetAside + Damaged (known records) + Pending
//
// where Recovered is what was readable when it was opened, and Damaged counts only records whose data turned out to be bad when
// they were read: what Open could not read is in Unreadable and Torn.
type Stats struct {
	// Pending is what waits.
	Pending Amount
	// Recovered is what Open found.
	Recovered Amount
	// Appended, Done and SetAside have happened since Open.
	Appended, Done, SetAside Amount
	// AppendedData is the length of the data of what was appended, before compression.
	AppendedData int64
	// Damaged records were found bad when they were read, and are kept aside as bytes.
	Damaged Amount
	// Unreadable is what Open found between readable records; how many records that was is not known.
	Unreadable Amount
	// Torn is what Open could not read at the end of a segment: the last write before a crash, or more if the file was cut.
	// Records and Points count those whose header was whole.
	Torn Amount
	// Discarded is what would have been kept aside, had there been room.
	Discarded Amount
	// AsideBytes is what is kept aside, also from before Open; of DiskBytes, which all files take.
	AsideBytes, DiskBytes int64
	// Segments and Lanes are those that hold records.
	Segments, Lanes int
	// Foreign is how many files Open found that are not of a log; they are left alone.
	Foreign int
}

// LaneStats is what waits in one lane.
type LaneStats struct {
	Lane uint64
	Amount
	First, Last uint64 // sequence numbers
}

// Stats does not wait for the disk.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Segments, s.Lanes = len(l.segments), len(l.lanes)
	return s
}

// Pending is how many records of a lane wait. It does not wait for the disk.
func (l *Log) Pending(lane uint64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q := l.lanes[lane]; q != nil {
		return len(q.waiting())
	}
	return 0
}

// Next is the number of the first record of a lane beyond the sequence number after, as Read would find it. It does not wait
// for the disk.
func (l *Log) Next(lane, after uint64) (seq uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q := l.lanes[lane]; q != nil {
		if e, ok := q.after(after); ok {
			return e.seq, true
		}
	}
	return 0, false
}

// Lanes returns those in which records wait, by number.
func (l *Log) Lanes() []LaneStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]LaneStats, 0, len(l.lanes))
	for id, q := range l.lanes {
		w := q.waiting()
		all = append(all, LaneStats{
			Lane: id, Amount: Amount{uint64(len(w)), q.points, q.bytes}, First: w[0].seq, Last: w[len(w)-1].seq,
		})
	}
	slices.SortFunc(all, func(a, b LaneStats) int { return cmp.Compare(a.Lane, b.Lane) })
	return all
}
