package spill

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDefaults(t *testing.T) {
	assert.Equal(t, Options{
		MaxDiskBytes: 1 << 30, MaxAsideBytes: 1 << 30 / 10, MaxRecords: 500_000, MaxRecordBytes: 64 << 20, SegmentBytes: 16 << 20,
	}, Options{}.withDefaults())
	assert.Equal(t, Options{
		MaxDiskBytes: 8000, MaxAsideBytes: 4000, MaxRecords: 1, MaxRecordBytes: 1 << 30, SegmentBytes: 1000,
	}, Options{MaxDiskBytes: 8000, MaxAsideBytes: 9000, MaxRecords: 1, MaxRecordBytes: 1 << 40, SegmentBytes: 1 << 20}.withDefaults())
}
