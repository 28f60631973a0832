package scenario

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/bench/conf"
	"github.com/sluice-metrics/sluice/bench/internal/load"
)

func TestPlans(t *testing.T) {
	for _, p := range []Plan{Smoke(), Short(), Full()} {
		seen := map[string]bool{}
		for i := range p.Cases {
			c := &p.Cases[i]
			key := c.Scenario + " " + c.Name
			assert.False(t, seen[key], "%s: %s comes twice", p.Name, key)
			seen[key] = true
			assert.NotEmpty(t, About[c.Scenario], c.Scenario)
			assert.NotEmpty(t, c.confs, key)
			assert.True(t, c.Has(Contrib), "%s: contrib is the peer in every case", key)
		}
	}
	assert.LessOrEqual(t, Short().Budget+Short().InProcess.Budget, 5*time.Minute)
	assert.LessOrEqual(t, Full().Budget+Full().InProcess.Budget, 30*time.Minute)
}

func TestOnly(t *testing.T) {
	p := Short()
	p.Only(nil)
	assert.Len(t, p.Cases, len(Short().Cases))
	p.Only([]string{"S3", "S6"})
	for _, c := range p.Cases {
		assert.Contains(t, []string{"S3", "S6"}, c.Scenario)
	}
	assert.NotEmpty(t, p.Cases)
}

func TestVmagentAndPrometheus_AreInTheRemoteWriteRow(t *testing.T) {
	assert.True(t, conf.Has("vmagent", "scrape_remote_write"))
	assert.True(t, conf.Has("prometheus", "scrape_remote_write"))
}

func TestPullSize_CountsTheSeriesThatTheLoadMakes(t *testing.T) {
	s := pullSize{payloads: 3, points: 1000}
	f, err := load.NewFleet(s.payloads, s.shape())
	require.NoError(t, err)
	assert.Equal(t, f.Series(), s.series())
	assert.Equal(t, 3*1260, s.series())
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{508: "508", 10_080: "10.08k", 100_800: "100.8k", 504_000: "504k", 1_000_440: "1M", 2_500_000: "2.5M"} {
		assert.Equal(t, want, count(n))
	}
}
