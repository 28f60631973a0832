package exposition

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRepeatedQuantileIsRefused(t *testing.T) {
	s := NewStore(Options{})
	const quantiles = `{"name":"s","summary":{"dataPoints":[{"timeUnixNano":"1","count":"1","sum":1,"quantileValues":[
		{"quantile":0.9,"value":1},{"quantile":0.5,"value":2},{"quantile":`
	assert.Equal(t, map[Reason]int{ReasonInvalidSummary: 1}, addJSON(t, s, quantiles+`0.9,"value":3}]}]}}`).Refused)
	assert.Zero(t, s.Len())
	assert.Equal(t, 1, addJSON(t, s, quantiles+`0.99,"value":3}]}]}}`).Accepted)
}
