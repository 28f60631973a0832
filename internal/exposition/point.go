package exposition

import (
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// point is one data point in Prometheus terms, ready to be merged. It holds no pdata.
type point struct {
	heading
	key    string
	metric *dto.Metric
	time   pcommon.Timestamp
	start  pcommon.Timestamp
	delta  bool
	stale  bool
	// refusal is why the point has no value. A delta without one still moves its series' window on.
	refusal Reason
	// target marks a target_info series, which is not a data point; targetKey identifies its target.
	target    bool
	targetKey string
}

func (p *point) accept(out *Outcome) {
	if !p.target {
		out.Accepted++
	}
}
