package scrape

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	promconfig "github.com/prometheus/prometheus/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
)

// kinds are what targets do, by turns.
var kinds = map[string]behaviour{
	"healthy": healthy, "failing": failing, "flapping": flapping, "slow": lasting(3 * time.Second), "refusing": refusing, "holed": holed,
}

const everyTurn = 30 * time.Second

var simBreaker = &breaker.Config{
	Threshold: 3, Timeout: 40 * time.Second, MaxTimeout: 2 * time.Minute, Probes: 1, Jitter: 0.1,
}

func TestTargetsAreScrapedWithinTheirBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := Rate{PerSecond: 1.0 / 50, Burst: 2}
		jobs := map[string]int{}
		for kind := range kinds {
			jobs[kind] = simulated / len(kinds)
		}
		s := newSimulation(t, jobs, everyTurn, Protection{Breaker: simBreaker, TargetRate: bucket})
		defer s.stop()
		for kind, n := range jobs {
			for _, host := range hosts(kind, n) {
				s.behave(host, kinds[kind])
			}
		}
		s.begin(jobs)
		const long = 10 * time.Minute
		time.Sleep(long)
		s.mu.Lock()
		defer s.mu.Unlock()
		for kind, n := range jobs {
			for _, host := range hosts(kind, n) {
				requireWithin(t, bucket, host, s.asked[host])
				s.requireSchedule(kind, host)
				s.requireUps(kind, host, long)
			}
		}
	})
}

// requireWithin demands of each stretch of time that there are no more requests than tokens.
func requireWithin(t *testing.T, r Rate, host string, asked []time.Duration) {
	t.Helper()
	for i := range asked {
		for j := i + 1; j < len(asked); j++ {
			tokens := float64(r.Burst) + r.PerSecond*(asked[j]-asked[i]).Seconds()
			if float64(j-i+1) > tokens+1e-6 {
				require.Fail(t, "more requests than tokens", "%s: %v", host, asked[i:j+1])
			}
		}
	}
}

// requireSchedule demands that a target that fails is left alone for as long as its breaker says.
func (s *simulation) requireSchedule(kind, host string) {
	s.t.Helper()
	asked := s.asked[host]
	var least []time.Duration // between one request and the next
	switch kind {
	case "failing", "holed":
		least = []time.Duration{0, 0, 40 * time.Second, 80 * time.Second, 120 * time.Second, 120 * time.Second, 120 * time.Second}
	case "refusing":
		least = []time.Duration{45 * time.Second, 80 * time.Second, 120 * time.Second, 120 * time.Second, 120 * time.Second, 120 * time.Second}
	default:
		require.GreaterOrEqual(s.t, len(asked), 8, "%s: %v", host, asked)
		return
	}
	require.GreaterOrEqual(s.t, len(asked), 5, "%s is asked again and again", host)
	for i := 1; i < len(asked); i++ {
		if asked[i]-asked[i-1] < least[i-1] {
			require.Fail(s.t, "asked too early", "%s: %v", host, asked)
		}
	}
}

// requireUps demands an up for each turn, of the right value.
func (s *simulation) requireUps(kind, host string, long time.Duration) {
	s.t.Helper()
	ups := s.ups[host]
	require.InDelta(s.t, long.Seconds()/everyTurn.Seconds(), len(ups), 8, host)
	for i, u := range ups {
		switch kind {
		case "failing", "refusing", "holed":
			require.Zero(s.t, u.value, host)
		case "healthy", "slow":
			require.InDelta(s.t, 1, u.value, 0, host)
		}
		if i > 0 {
			require.Positive(s.t, u.at-ups[i-1].at, host)
			require.LessOrEqual(s.t, u.at-ups[i-1].at, 2*everyTurn+time.Second, host)
		}
	}
}

func TestThereIsNoHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := map[string]int{"one": simulated / 2, "two": simulated / 2}
		s := newSimulation(t, jobs, everyTurn, Protection{Breaker: simBreaker})
		defer s.stop()
		s.all(jobs, healthy)
		s.begin(jobs)
		time.Sleep(2 * time.Minute)
		for _, job := range s.cfg.Jobs {
			changed := *job
			changed.SampleLimit = 1000
			require.NoError(t, s.Apply(&scrapeconfig.Config{Global: s.cfg.Global, Jobs: append(others(s.cfg.Jobs, job), &changed)}))
		}
		time.Sleep(time.Minute)
		s.all(jobs, failing)
		time.Sleep(6 * time.Minute)
		s.all(jobs, healthy)
		back := time.Since(bubble)
		time.Sleep(5 * time.Minute)

		fair := simulated / int(everyTurn/time.Second)
		most := crowd(fair)
		assert.LessOrEqual(t, s.peak(0, 2*time.Minute), most, "after the start")
		assert.LessOrEqual(t, s.peak(2*time.Minute, 3*time.Minute), most, "after the reload")
		assert.LessOrEqual(t, s.peak(3*time.Minute, back), most, "in the outage, at its beginning")
		assert.Less(t, s.total(5*time.Minute, back), 4*60*fair/2, "in the outage")
		assert.LessOrEqual(t, s.peak(back, back+5*time.Minute), most, "after the outage")

		const bound = 2*time.Minute*11/10 + everyTurn + time.Second
		s.mu.Lock()
		defer s.mu.Unlock()
		for host, ups := range s.ups {
			require.LessOrEqual(t, recovered(ups, back)-back, bound, host)
		}
		assert.Len(t, s.ups, simulated)
		assert.Equal(t, simulated, s.stale, "one marker for the one series of each target, at its first failure")
	})
}

// crowd is what no second has by chance, when the average has n: six standard deviations of Poisson's distribution more.
func crowd(n int) int { return n + int(6*math.Sqrt(float64(n))) }

func others(jobs []*promconfig.ScrapeConfig, not *promconfig.ScrapeConfig) []*promconfig.ScrapeConfig {
	return slices.DeleteFunc(slices.Clone(jobs), func(j *promconfig.ScrapeConfig) bool { return j == not })
}

// recovered is when a target was up for the first time after an outage.
func recovered(ups []up, outage time.Duration) time.Duration {
	for _, u := range ups {
		if u.at > outage && u.value == 1 {
			return u.at
		}
	}
	return 1<<63 - 1
}

func TestJobsShareTheirPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places = simulated / 500
		jobs := map[string]int{"big": simulated - 10, "small": 10}
		s := newSimulation(t, jobs, everyTurn, Protection{MaxConcurrency: places})
		defer s.stop()
		s.all(jobs, lasting(600*time.Millisecond))
		s.begin(jobs)
		time.Sleep(15*time.Minute + time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.Equal(t, places, s.most)
		for _, host := range hosts("small", 10) {
			require.GreaterOrEqual(t, len(s.asked[host]), 29, "%s does not suffer", host)
		}
		least, most := simulated, 0
		for _, host := range hosts("big", simulated-10) {
			least, most = min(least, len(s.asked[host])), max(most, len(s.asked[host]))
		}
		assert.Equal(t, 2, least, "5 minutes are needed for all")
		assert.LessOrEqual(t, most, 3)
		assert.Positive(t, s.skipped[SkipConcurrency])
	})
}

func TestJobsShareTheirTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond = simulated / 200
		rate := Rate{PerSecond: perSecond, Burst: 10}
		jobs := map[string]int{"big": simulated - 10, "small": 10}
		s := newSimulation(t, jobs, everyTurn, Protection{Rate: rate})
		defer s.stop()
		s.all(jobs, healthy)
		s.begin(jobs)
		time.Sleep(10*time.Minute + time.Second)
		require.LessOrEqual(t, s.peak(0, 10*time.Minute), perSecond+10)
		s.mu.Lock()
		defer s.mu.Unlock()
		asked := 0
		for _, host := range hosts("small", 10) {
			require.GreaterOrEqual(t, len(s.asked[host]), 19, "%s does not suffer", host)
			asked += len(s.asked[host])
		}
		for _, host := range hosts("big", simulated-10) {
			require.NotEmpty(t, s.asked[host], host)
			require.LessOrEqual(t, len(s.asked[host]), 4, host)
			asked += len(s.asked[host])
		}
		assert.InEpsilon(t, 600*perSecond, asked, 0.02, "no token is lost")
	})
}
