package drain

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

var limits = Limits{Delay: 5 * time.Second, Timeout: 30 * time.Second, Component: 10 * time.Second}

// began returns a configuration of a process, attached and ready.
func began(set Settings) (*Process, *Run) {
	p := NewProcess(nil, Limits{Timeout: time.Minute})
	r := p.NewRun(set)
	p.Attach(r)
	r.Ready()
	time.Sleep(time.Second)
	return p, r
}

// took is how long f takes.
func took(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func TestLameDuck(t *testing.T) {
	for name, tc := range map[string]struct {
		phases bool
		before func(p *Process) // what happens before the collector stops its pipelines
		takes  time.Duration
	}{
		"shutdown":                      {true, func(p *Process) { p.Begin("terminated") }, 5 * time.Second},
		"shutdown, the collector slow":  {true, func(p *Process) { p.Begin("terminated"); time.Sleep(2 * time.Second) }, 3 * time.Second},
		"shutdown, no phases":           {false, func(p *Process) { p.Begin("terminated") }, 0},
		"reload, or a failed component": {true, func(*Process) {}, 0},
		"second signal": {true, func(p *Process) {
			p.Begin("terminated")
			time.AfterFunc(2*time.Second, p.Hurry)
		}, 2 * time.Second},
		"second signal before": {true, func(p *Process) {
			p.Begin("terminated")
			p.Hurry()
			p.Hurry()
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, r := began(Settings{Limits: limits, Phases: tc.phases})
				tc.before(p)
				assert.Equal(t, tc.takes, took(r.NotReady))
				assert.Equal(t, Stopping, r.State())
			})
		})
	}
}

// Nobody has been told that a collector is ready which was still starting when the signal came.
func TestShutdownWhileItStartsHasNoLameDuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewProcess(nil, Limits{Timeout: time.Minute})
		assert.Equal(t, time.Minute, p.Limits().Whole())
		p.Begin("terminated")
		time.Sleep(time.Second)
		r := p.NewRun(Settings{Limits: limits, Phases: true})
		p.Attach(r)
		assert.Equal(t, 35*time.Second, p.Limits().Whole())
		assert.Equal(t, Stopping, r.State(), "it is never shown as ready")
		r.Ready()
		assert.Equal(t, Stopping, r.State())
		assert.Zero(t, took(r.NotReady))
	})
}

// A shutdown that comes while the old configuration stops for a reload is over when the new one has been stopped too.
func TestShutdownDuringAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, old := began(Settings{Limits: limits, Phases: true})
		assert.Zero(t, took(old.NotReady))
		p.Begin("terminated")
		old.Close(t.Context())
		next := p.NewRun(Settings{Limits: limits, Phases: true})
		p.Attach(next)
		time.Sleep(time.Second)
		next.Ready()
		assert.Zero(t, took(next.NotReady))
		r, ok := p.Report()
		require.True(t, ok)
		assert.InDelta(t, 1, r.Seconds, 1e-9, "from the signal on")
	})
}

func TestStates(t *testing.T) {
	p := NewProcess(nil, limits)
	r := p.NewRun(Settings{})
	assert.Equal(t, "starting", r.State().String())
	r.Ready()
	assert.Equal(t, "ready", r.State().String())
	r.NotReady()
	assert.Equal(t, "stopping", r.State().String())
	_, ok := p.Report()
	assert.False(t, ok, "it was never attached")
	p.Emit(&Report{}, time.Minute)
}

type shut func(ctx context.Context) error

func (s shut) Shutdown(ctx context.Context) error { return s(ctx) }

func TestTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		task := func(name string, err error) Task {
			return func(context.Context) error {
				order = append(order, name)
				time.Sleep(time.Second)
				return err
			}
		}
		_, r := began(Settings{Limits: limits, Phases: true, Flush: true})
		r.AddFlushTask("panics", func(context.Context) error { panic("oh") })
		r.AddFlushTask("f", task("f", nil))
		r.Register("first", shut(task("first", nil)))
		r.Register("last", shut(task("last", errors.New("no"))))
		r.AddCleanupTask("c", task("c", nil))
		assert.Equal(t, time.Second, took(r.NotReady))
		assert.Equal(t, 3*time.Second, took(func() { r.Close(t.Context()) }))
		assert.Equal(t, []string{"f", "last", "first", "c"}, order)

		s := r.Stats()
		assert.Equal(t, []string{"flush panics: panic: oh", "shutdowners last: no"}, s.Errors)
		assert.Equal(t, [][3]any{{"flush", 0.0, 1.0}, {"shutdowners", 1.0, 2.0}, {"cleanup", 3.0, 1.0}}, phases(s))
		r.Close(t.Context())
		assert.Len(t, order, 4, "once")
	})
}

func phases(s Stats) (out [][3]any) {
	for _, p := range s.Phases {
		out = append(out, [3]any{p.Name, p.After, p.Seconds})
	}
	return out
}

func TestTaskThatHangsIsLeftBehind(t *testing.T) {
	for name, tc := range map[string]struct {
		limits Limits
		hurry  time.Duration
		takes  time.Duration
	}{
		"its own limit": {limits, 0, 10*time.Second + lastChance},
		"the whole":     {Limits{Timeout: 3 * time.Second, Component: time.Minute}, 0, 3*time.Second + lastChance},
		"no own limit":  {Limits{Timeout: 4 * time.Second}, 0, 4*time.Second + lastChance},
		"second signal": {limits, 2 * time.Second, 2*time.Second + lastChance},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, r := began(Settings{Limits: tc.limits, Flush: true})
				r.AddFlushTask("hangs", func(context.Context) error {
					time.Sleep(time.Hour)
					return nil
				})
				if tc.hurry > 0 {
					time.AfterFunc(tc.hurry, p.Hurry)
				}
				assert.Equal(t, tc.takes, took(r.NotReady))
				require.Len(t, r.Stats().Errors, 1)
				assert.Contains(t, r.Stats().Errors[0], "flush hangs: did not end within")
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestTaskThatHeedsItsContextIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, r := began(Settings{Limits: limits, Flush: true})
		r.AddFlushTask("slow", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		assert.Equal(t, 10*time.Second, took(r.NotReady))
		assert.Equal(t, []string{"flush slow: context deadline exceeded"}, r.Stats().Errors)
	})
}

func TestFlushSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, r := began(Settings{Limits: limits})
		r.AddFlushTask("f", func(context.Context) error { panic("runs") })
		r.NotReady()
		assert.Empty(t, r.Stats().Errors)
	})
}

type hungError struct{ error }

func (hungError) LeftBehind() bool { return true }

func TestComponentsAreTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var warned []string
		_, r := began(Settings{Limits: limits, Phases: true, Warn: func(name string, after time.Duration) {
			warned = append(warned, name+" "+after.String())
		}})
		metrics := pipeline.NewID(pipeline.SignalMetrics)
		id := func(kind component.Kind, name string) *componentstatus.InstanceID {
			return componentstatus.NewInstanceID(component.MustNewID(name), kind, metrics)
		}
		receiver, processor := id(component.KindReceiver, "otlp"), id(component.KindProcessor, "batch")
		exporter, broken, idle := id(component.KindExporter, "slow"), id(component.KindExporter, "broken"), id(component.KindExporter, "idle")
		for _, c := range []*componentstatus.InstanceID{receiver, processor, exporter, broken, idle} {
			r.Observe(c, componentstatus.NewEvent(componentstatus.StatusStarting))
			r.Observe(c, componentstatus.NewEvent(componentstatus.StatusOK))
		}
		r.Observe(broken, componentstatus.NewPermanentErrorEvent(errors.New("while it ran")))
		r.NotReady()
		stop := func(c *componentstatus.InstanceID, for_ time.Duration, last *componentstatus.Event) {
			r.Observe(c, componentstatus.NewEvent(componentstatus.StatusStopping))
			time.Sleep(for_)
			if last == nil {
				last = componentstatus.NewEvent(componentstatus.StatusStopped)
			}
			r.Observe(c, last)
		}
		stop(receiver, time.Second, nil)
		stop(processor, time.Second, nil)
		r.Observe(broken, componentstatus.NewEvent(componentstatus.StatusStopping))
		time.Sleep(time.Second)
		r.Observe(broken, componentstatus.NewPermanentErrorEvent(hungError{errors.New("left behind")}))
		r.Observe(exporter, componentstatus.NewEvent(componentstatus.StatusStopping))
		time.Sleep(12 * time.Second)
		synctest.Wait()

		s := r.Stats()
		var got [][3]any
		for _, c := range s.Components {
			got = append(got, [3]any{c.Name(), c.State, c.Seconds})
		}
		assert.Equal(t, [][3]any{
			{"receiver otlp", Stopped, 1.0},
			{"processor batch of metrics", Stopped, 1.0},
			{"exporter broken", Hung, 1.0},
			{"exporter slow", Hung, 12.0},
			{"exporter idle", Running, 0.0},
		}, got)
		assert.Equal(t, []string{"exporter slow 10s"}, warned, "while it hangs, once")
		assert.Equal(t, []string{"exporter broken: left behind"}, s.Errors)
		assert.Equal(t, [][3]any{{"receivers", 0.0, 1.0}, {"processors", 1.0, 1.0}, {"exporters", 2.0, 13.0}}, phases(s))
		assert.InDelta(t, 15, s.Seconds, 1e-9)
		rep := r.report()
		assert.Equal(t, []string{"exporter broken", "exporter slow"}, rep.Hung())
		r.Close(t.Context())
	})
}

func TestFailedComponent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, r := began(Settings{})
		id := componentstatus.NewInstanceID(component.MustNewID("pprof"), component.KindExtension)
		r.Observe(id, componentstatus.NewEvent(componentstatus.StatusStopping))
		r.Observe(id, componentstatus.NewPermanentErrorEvent(errors.New("bad file")))
		s := r.Stats()
		assert.Equal(t, Failed, s.Components[0].State)
		assert.Equal(t, []string{"extension pprof: bad file"}, s.Errors)
		assert.Positive(t, s.Goroutines)
		if n, known := s.OpenFiles.Value(); known {
			assert.Positive(t, n)
		}
	})
}

func TestReportKnowsWhatWasLostBefore(t *testing.T) {
	books := &ledger.Ledger{}
	p := NewProcess(books, limits)
	r := p.NewRun(Settings{Tracking: true})
	p.Attach(r)
	late := books.Processor("batch")
	late.Passed(nil, 2, errors.New("full"))
	p.Begin("terminated")
	p.Begin("again")
	late.Passed(nil, 3, errors.New("full"))
	rep, ok := p.Report()
	require.True(t, ok)
	assert.Equal(t, "terminated", rep.Reason)
	assert.Equal(t, "2", rep.LostBefore.String())
	assert.Equal(t, "5", rep.Points.Lost.String())
}

// buffer is a processor that holds points.
type buffer ledger.Holding

func (b *buffer) Holding() ledger.Holding { return ledger.Holding(*b) }

// What a processor stores is not lost, and what it found is not accepted.
func TestReportOfAProcessorThatHolds(t *testing.T) {
	books := &ledger.Ledger{}
	p := NewProcess(books, limits)
	p.Attach(p.NewRun(Settings{Tracking: true}))
	streamer, holds := books.Processor("streamer"), &buffer{Carried: 10, Stored: 10}
	streamer.Holds(holds)
	books.Receiver("otlp").Passed(20, nil)
	streamer.Entered(20)
	holds.Memory = 20
	streamer.Returned(&ledger.Call{}, 20, nil)
	points := func() [4]string {
		rep, ok := p.Report()
		require.True(t, ok)
		require.Len(t, rep.Points.Processors, 1)
		line := rep.Points.Processors[0]
		assert.Equal(t, rep.Points.Stored, line.Stored)
		assert.Equal(t, "0", rep.Points.Copied.String())
		return [4]string{rep.Points.Carried.String(), rep.Points.Stored.String(), rep.Points.Lost.String(), rep.LostBefore.String()}
	}
	holds.Lost, holds.Memory = 1, 19
	p.Begin("terminated")
	assert.Equal(t, [4]string{"10", "10", "20", "1"}, points(), "what memory holds would go with the process")
	holds.Memory, holds.Stored = 0, 29
	streamer.Settle()
	assert.Equal(t, [4]string{"10", "29", "1", "1"}, points())
}

func TestTrackingSwitchedOffKnowsNothing(t *testing.T) {
	books := &ledger.Ledger{}
	p := NewProcess(books, limits)
	r := p.NewRun(Settings{Tracking: false})
	p.Attach(r)
	_, ok := p.Report()
	assert.False(t, ok, "it never ran")
	r.Ready()
	rep, ok := p.Report()
	require.True(t, ok)
	assert.Equal(t, "unknown", rep.Points.Accepted.String())
	assert.Equal(t, "unknown", rep.Points.Lost.String())
	assert.Equal(t, "unknown", rep.LostBefore.String())
}
