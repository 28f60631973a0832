package scrape

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func press(strategy Strategy) Protection {
	return Protection{Backpressure: &Backpressure{Strategy: strategy, BufferSize: 1000, DropThreshold: 0.8, AlertThreshold: 0.9}}
}

var errBusy = errors.New("busy")

// busy is what an OTLP server says that is overloaded.
func busy(t *testing.T, retry time.Duration) error {
	t.Helper()
	s, err := status.New(codes.ResourceExhausted, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retry)})
	require.NoError(t, err)
	return s.Err()
}

func TestRetryInfoIsHonoured(t *testing.T) {
	for _, tt := range []struct {
		asked, want time.Duration
	}{{45 * time.Second, 50 * time.Second}, {time.Hour, 120 * time.Second}, {-time.Second, 10 * time.Second}} {
		for _, strategy := range []Strategy{Adaptive, Drop} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, protect(press(strategy)))
				defer w.stop()
				w.page("a:1", "m 1\n")
				once := true
				w.consumes(func(context.Context) error {
					if once {
						once = false
						return busy(t, tt.asked)
					}
					return nil
				})
				w.scrape(targetsOf("j", "'a:1'"))
				time.Sleep(4 * time.Minute)
				asked := w.asked("a:1")
				assert.Equal(t, tt.want, asked[1]-asked[0])
				assert.GreaterOrEqual(t, w.skips()[SkipPressure], int(tt.want/(10*time.Second))-1)
				for _, up := range w.ups("a:1") {
					assert.InDelta(t, 1, up, 0)
				}
			})
		}
	}
}

func TestBlockLeavesThePipelineAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var offered []time.Duration
		asks := []time.Duration{35 * time.Second, 4 * time.Second}
		w := newWorld(t, protect(press(Block)), func(s *Settings) {
			s.Consume = func(_ context.Context, md pmetric.Metrics) error {
				if md.DataPointCount() == 1 {
					return nil // a repetition of up
				}
				mu.Lock()
				defer mu.Unlock()
				if offered = append(offered, time.Since(bubble)); len(offered) <= len(asks) {
					return busy(t, asks[len(offered)-1])
				}
				return nil
			}
		})
		defer w.stop()
		for _, host := range []string{"a:1", "b:1", "c:1"} {
			w.page(host, "m 1\n")
		}
		w.scrape(targetsOf("j", "'a:1', 'b:1', 'c:1'"))
		time.Sleep(2 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		assert.GreaterOrEqual(t, offered[1]-offered[0], 35*time.Second)
		assert.GreaterOrEqual(t, offered[2]-offered[1], 4*time.Second)
		assert.LessOrEqual(t, offered[2]-offered[0], 50*time.Second)
		assert.LessOrEqual(t, w.outcomes()[Refused], 3, "what was scraped when it asked, no more")
		assert.InDelta(t, 6, w.skips()[SkipPressure], 3)
	})
}

func TestAWrongBatchIsNoPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(press(Adaptive)))
		defer w.stop()
		w.page("a:1", "m 1\n")
		w.consumes(func(context.Context) error { return consumererror.NewPermanent(errBusy) })
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(5 * time.Minute)
		assert.GreaterOrEqual(t, len(w.asked("a:1")), 30)
		assert.InDelta(t, 1, w.Load().Stretch, 0)
	})
}

func TestBlockOffersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(press(Block)))
		defer w.stop()
		w.page("a:1", "m 1\n")
		from := time.Now()
		w.consumes(func(context.Context) error {
			if in := time.Since(from); in > 30*time.Second && in < 37*time.Second {
				return errBusy
			}
			return nil
		})
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(2 * time.Minute)
		assert.Equal(t, 12, w.outcomes()[OK]+w.outcomes()[Refused])
		assert.Zero(t, w.outcomes()[Refused], "what was refused was taken later")
		assert.Len(t, w.times("m"), 12)
	})
}

func TestBlockGivesUpWhenTheNextScrapeIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(press(Block)))
		w.page("a:1", "m 1\n")
		w.consumes(func(context.Context) error { return errBusy })
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(65 * time.Second)
		begin := time.Now()
		w.stop()
		assert.LessOrEqual(t, time.Since(begin), 10*time.Second)
		assert.InDelta(t, 6, w.outcomes()[Refused], 1)
	})
}

func TestBlockWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := press(Block)
		p.Backpressure.BufferSize = 6 // a page with its report
		w := newWorld(t, protect(p))
		hosts := []string{"a:1", "b:1", "c:1"}
		for _, host := range hosts {
			w.page(host, "m 1\n")
		}
		running, most := 0, 0
		w.consumes(func(context.Context) error {
			w.locked(func() { running++; most = max(most, running) })
			time.Sleep(5 * time.Second)
			w.locked(func() { running-- })
			return nil
		})
		w.scrape(targetsOf("j", "'a:1', 'b:1', 'c:1'"))
		time.Sleep(5 * time.Minute)
		w.stop()
		assert.Equal(t, 1, most)
		assert.InDelta(t, 60, w.outcomes()[OK], 5)
		assert.Positive(t, w.outcomes()[Refused], "three need 15 seconds of 10")
	})
}

func TestDropLeavesScrapesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := press(Drop)
		p.Backpressure.BufferSize = 6
		w := newWorld(t, protect(p))
		for _, host := range []string{"a:1", "b:1"} {
			w.page(host, "m 1\n")
		}
		var busy atomic.Bool
		busy.Store(true)
		w.consumes(func(context.Context) error {
			if busy.Load() {
				time.Sleep(9 * time.Second)
			}
			return nil
		})
		w.scrape(targetsOf("j", "'a:1', 'b:1'"))
		time.Sleep(2 * time.Minute)
		assert.Positive(t, w.skips()[SkipPressure])
		busy.Store(false)
		time.Sleep(time.Minute)
		before := w.skips()
		time.Sleep(time.Minute)
		assert.Equal(t, before, w.skips(), "all is as it was")
		w.stop()
		assert.Empty(t, w.stale())
	})
}

// pipeline takes so many points a second and refuses the rest.
type pipeline struct {
	capacity, tokens float64
	last             time.Time
	taken, refused   int
}

func (p *pipeline) take(points int) error {
	now := time.Now()
	p.tokens = min(p.tokens+p.capacity*now.Sub(p.last).Seconds(), p.capacity)
	p.last = now
	if p.tokens < float64(points) {
		p.refused++
		return errBusy
	}
	p.tokens -= float64(points)
	p.taken++
	return nil
}

func TestThePaceIsThePipelines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const targets = 4000 // with fewer, chance swings the load itself
		jobs := map[string]int{"j": targets}
		s := newSimulation(t, jobs, everyTurn, press(Adaptive))
		defer s.stop()
		p := &pipeline{capacity: 1e9, last: time.Now()}
		s.consume = p.take
		s.all(jobs, func(req *http.Request) (*http.Response, error) { return reply(req, http.StatusOK, tenSamples, ""), nil })
		s.begin(jobs)
		time.Sleep(2 * time.Minute)
		s.mu.Lock()
		assert.Zero(t, s.skipped[SkipPressure])
		s.mu.Unlock()
		points := float64(targets) / everyTurn.Seconds() * 15
		s.mu.Lock()
		p.capacity = points / 2
		s.mu.Unlock()
		stretches := s.stretches(2 * time.Minute)
		assert.Greater(t, stretches[len(stretches)-1], 1.5)
		s.mu.Lock()
		p.taken, p.refused = 0, 0
		s.mu.Unlock()
		steady := s.stretches(10 * time.Minute)
		t.Logf("from %.2f to %.2f", slices.Min(steady), slices.Max(steady))
		assert.InEpsilon(t, 2.1, slices.Min(steady), 0.25, "it does not swing")
		assert.InEpsilon(t, 2.1, slices.Max(steady), 0.25, "it does not swing")
		s.mu.Lock()
		assert.Less(t, float64(p.refused), 0.12*float64(p.taken+p.refused))
		p.capacity = 1e9
		s.mu.Unlock()
		time.Sleep(6 * time.Second) // the pacer's period, which may hold refusals yet
		back := s.stretches(3 * time.Minute)
		for i := 1; i < len(back); i++ {
			assert.LessOrEqual(t, back[i], back[i-1]*1.001, "it recovers without a swing")
		}
		assert.InDelta(t, 1, back[len(back)-1], 0)
		begin := time.Since(bubble)
		time.Sleep(5 * everyTurn)
		fair := targets / int(everyTurn/time.Second)
		assert.InEpsilon(t, 5*targets, s.total(begin, begin+5*everyTurn), 0.01, "all targets, each turn")
		assert.LessOrEqual(t, s.peak(0, time.Since(bubble)), crowd(fair), "never a herd")
		s.requireGaps(maxGap + time.Second)
	})
}

const tenSamples = "a 1\nb 1\nc 1\nd 1\ne 1\nf 1\ng 1\nh 1\ni 1\nj 1\n"

// stretches are those of a time, one a second.
func (s *simulation) stretches(long time.Duration) (all []float64) {
	for range int(long / time.Second) {
		time.Sleep(time.Second)
		all = append(all, s.Load().Stretch)
	}
	return all
}

// requireGaps demands of each target that it is scraped again in time.
func (s *simulation) requireGaps(most time.Duration) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for host, asked := range s.asked {
		for i := 1; i < len(asked); i++ {
			require.LessOrEqual(s.t, asked[i]-asked[i-1], most, host)
		}
	}
}

func TestNoGapIsTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := map[string]int{"j": 200}
		s := newSimulation(t, jobs, 15*time.Second, press(Adaptive))
		defer s.stop()
		s.consume = func(int) error { return errBusy }
		s.all(jobs, healthy)
		s.begin(jobs)
		time.Sleep(20 * time.Minute)
		s.requireGaps(maxGap)
		assert.InDelta(t, 16, s.Load().Stretch, 0.1)
		s.mu.Lock()
		defer s.mu.Unlock()
		for host := range s.asked {
			assert.InDelta(t, 12, len(s.asked[host]), 4)
		}
	})
}

func TestALatePipelineIsPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, protect(press(Adaptive)))
		w.page("a:1", "m 1\n")
		w.consumes(func(context.Context) error { time.Sleep(8 * time.Second); return nil })
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(5 * time.Minute)
		assert.Greater(t, w.Load().Stretch, 2.0)
		w.consumes(func(context.Context) error { return nil })
		time.Sleep(5 * time.Minute)
		assert.InDelta(t, 1, w.Load().Stretch, 0)
		w.stop()
	})
}

func TestTheTimeOfAllPartsIsPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := press(Adaptive)
		p.BatchSize = 1
		w := newWorld(t, protect(p))
		w.page("a:1", "m 1\n")
		w.consumes(func(context.Context) error { time.Sleep(time.Second); return nil }) // 6 parts take 6 of 10 seconds
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(5 * time.Minute)
		assert.Greater(t, w.Load().Stretch, 2.0)
		w.stop()
	})
}
