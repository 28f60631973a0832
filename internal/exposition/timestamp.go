package exposition

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// usable returns 0, which is no time, for one later than time.Time can tell in nanoseconds.
func usable(ts pcommon.Timestamp) pcommon.Timestamp {
	if ts > math.MaxInt64 {
		return 0
	}
	return ts
}

// timeMessage is nil when there is no time.
func timeMessage(ts pcommon.Timestamp) *timestamppb.Timestamp {
	if usable(ts) == 0 {
		return nil
	}
	return timestamppb.New(ts.AsTime())
}

// millis is nil when there is no time.
func millis(ts pcommon.Timestamp) *int64 {
	if ts == 0 {
		return nil
	}
	return new(int64(ts / 1e6))
}
