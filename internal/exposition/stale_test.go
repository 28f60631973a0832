package exposition

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestOldStalenessMarkerIsRefused(t *testing.T) {
	at := func(ts pcommon.Timestamp, flags pmetric.DataPointFlags) pmetric.Metrics {
		md := gauge("g", 1)
		point(md).SetTimestamp(ts)
		point(md).SetFlags(flags)
		return md
	}
	stale := pmetric.DefaultDataPointFlags.WithNoRecordedValue(true)
	s := NewStore(Options{})
	requireAccepted(t, s, at(20, pmetric.DefaultDataPointFlags))
	assert.Equal(t, Outcome{Refused: map[Reason]int{ReasonOutOfOrder: 1}}, s.Add(at(19, stale)))
	assert.Equal(t, 1, s.Len())
	requireAccepted(t, s, at(20, stale))
	assert.Zero(t, s.Len())
}
