package spill

// Options of a Log; a field that is 0 has its default.
type Options struct {
	// Directory is made if it is not there, with access for its owner alone. One Log uses it.
	Directory string
	// MaxDiskBytes bounds what all files take together, MaxAsideBytes included. Default 1 GiB.
	MaxDiskBytes int64
	// MaxAsideBytes is the part of MaxDiskBytes for what is set aside; beyond it that is counted and not kept.
	// Default a tenth of MaxDiskBytes, at most half.
	MaxAsideBytes int64
	// MaxRecords bounds how many records wait, at 40 bytes of memory each. Default 500,000.
	MaxRecords int
	// MaxRecordBytes bounds the data of one record. Default 64 MiB, at most 1 GiB.
	MaxRecordBytes int
	// SegmentBytes is the size from which on a new segment is begun. Default 16 MiB, at most an eighth of MaxDiskBytes.
	SegmentBytes int64
	// Fsync makes Receipt.Wait wait until the record survives a loss of power. Without it, it survives kill -9 only.
	Fsync bool
}

const maxRecordBytes = 1 << 30

func (o Options) withDefaults() Options {
	setDefault(&o.MaxDiskBytes, 1<<30)
	setDefault(&o.MaxAsideBytes, o.MaxDiskBytes/10)
	setDefault(&o.MaxRecords, 500_000)
	setDefault(&o.MaxRecordBytes, 64<<20)
	setDefault(&o.SegmentBytes, 16<<20)
	o.MaxAsideBytes = min(o.MaxAsideBytes, o.MaxDiskBytes/2)
	o.SegmentBytes = min(o.SegmentBytes, o.MaxDiskBytes/8)
	o.MaxRecordBytes = min(o.MaxRecordBytes, maxRecordBytes)
	return o
}

func setDefault[T int | int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
