package exposition

import (
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// heading is what a page says once for all series of a family.
type heading struct {
	name, help, unit string
	typ              dto.MetricType
}

// family is all series of one name. It is guarded by the lock of its store.
type family struct {
	heading
	series map[string]*series
	// warned is set once a conflict with this family was reported.
	warned bool
}

// series is the state of one series. The message is immutable: an update replaces it.
type series struct {
	metric  *dto.Metric
	time    pcommon.Timestamp
	delta   bool
	batch   uint64
	updated time.Time
}

// describe completes what earlier points left open; the first HELP and UNIT seen win.
func (f *family) describe(help, unit string) {
	if f.help == "" {
		f.help = help
	}
	if f.unit == "" {
		f.unit = unit
	}
}
