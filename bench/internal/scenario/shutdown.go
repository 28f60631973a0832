package scenario

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/sluice-metrics/sluice/bench/internal/load"
	"github.com/sluice-metrics/sluice/bench/internal/proc"
	"github.com/sluice-metrics/sluice/bench/internal/sink"
)

// downstream is what the exporter's other end does.
type downstream struct {
	name string
	dead bool
	mode sink.Mode
}

var (
	deadDownstream    = downstream{name: "dead", dead: true}
	slowDownstream    = downstream{name: "slow", mode: sink.Mode{Delay: 500 * time.Millisecond}}
	hangingDownstream = downstream{name: "hanging", mode: sink.Mode{Hang: true}}
)

// shutdownSize is how much of S5 there is to do.
type shutdownSize struct {
	points  int // of each request
	rate    float64
	before  time.Duration // load before the signal
	limit   time.Duration // after which a process that has not ended is killed
	storage bool          // the queue is on disk, and a second start with a healthy downstream may deliver it
}

func shutdown(d downstream, s shutdownSize) Case {
	name, config := "downstream "+d.name, "shutdown"
	if s.storage {
		name, config = name+", queue on disk", "storage"
	}
	return Case{Scenario: "S5", Name: name, once: d.mode.Hang, confs: []string{config}, run: func(ctx context.Context, r *run) ([]Value, error) {
		t := termination{shutdownSize: s, downstream: d, config: config, run: r}
		return t.measure(ctx)
	}}
}

// termination is one run of S5.
type termination struct {
	shutdownSize
	downstream
	config string
	*run

	accepted, delivered int64
	exit                time.Duration
	killed              bool
	log                 string
}

func (t *termination) measure(ctx context.Context) ([]Value, error) {
	free, err := proc.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	storage, err := os.MkdirTemp(t.lab.dir, "queue-")
	if err != nil {
		return nil, err
	}
	vars := map[string]string{"SINK": free[0], "STORAGE": filepath.Join(storage, "q")}
	if err := t.first(ctx, vars); err != nil {
		return nil, err
	}
	if t.storage {
		if err := t.second(ctx, vars); err != nil {
			return nil, err
		}
	}
	return t.values(), nil
}

// first loads the process, tells it to stop while the load goes on, and waits for its end.
func (t *termination) first(ctx context.Context, vars map[string]string) error {
	fleet, err := t.fleet(20, load.Shape{Points: t.points, HistogramPercent: 2})
	if err != nil {
		return err
	}
	if !t.dead {
		s, err := sink.NewOTLP(vars["SINK"], t.mode)
		if err != nil {
			return err
		}
		defer func() { t.delivered += s.Points() }()
		defer s.Close()
	}
	i, err := t.launch(ctx, t.config, "GRPC", vars)
	if err != nil {
		return err
	}
	defer i.Kill()
	sent, stop := t.load(ctx, i, fleet)
	defer stop()
	if err := sleep(ctx, t.before); err != nil {
		return err
	}
	if err := t.end(i); err != nil {
		return err
	}
	stop()
	t.accepted = sent.Accepted.Points
	return ctx.Err()
}

// load sends in the background until stop, after which sent may be read.
func (t *termination) load(ctx context.Context, i *instance, fleet load.Fleet) (sent *load.Result, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	sent = &load.Result{}
	var wg sync.WaitGroup
	wg.Go(func() {
		// It ends with stop, and then what was accepted is what counts.
		*sent, _ = load.Run(ctx, fleet, load.Options{
			Address: i.address["GRPC"], Clients: 2, Duration: t.before + t.limit, PointsPerSecond: t.rate,
			Timeout: 5 * time.Second, Backoff: 200 * time.Millisecond,
		})
	})
	return sent, func() { cancel(); wg.Wait() }
}

// end sends SIGTERM and waits.
func (t *termination) end(i *instance) error {
	began := time.Now()
	if err := i.Terminate(); err != nil {
		return fmt.Errorf("it ended before it was told to: %w", err)
	}
	t.killed = !i.Ended(t.limit)
	t.exit = time.Since(began)
	i.Kill()
	var err error
	t.log, err = i.Log()
	return err
}

// second starts the process again, with a downstream that takes everything, until no more comes out of its queue.
func (t *termination) second(ctx context.Context, vars map[string]string) error {
	s, err := sink.NewOTLP(vars["SINK"], sink.Mode{})
	if err != nil {
		return err
	}
	defer s.Close()
	i, err := t.launch(ctx, t.config, "GRPC", vars)
	if err != nil {
		return err
	}
	defer i.Stop(stopWithin)
	const quiet = 2 * time.Second
	for last := int64(-1); s.Points() != last; {
		last = s.Points()
		if err := sleep(ctx, quiet); err != nil {
			return err
		}
	}
	t.delivered += s.Points()
	return nil
}

func (t *termination) values() []Value {
	exit := Value{Measure: "exit after SIGTERM", Unit: "s", V: t.exit.Seconds()}
	if t.killed {
		exit.Note = "still running, killed"
	}
	lost := max(0, t.accepted-t.delivered)
	values := []Value{
		exit,
		{Measure: "accepted", Unit: "points", V: float64(t.accepted), Better: Neither},
		{Measure: "delivered", Unit: "points", V: float64(t.delivered), Better: Neither},
		{Measure: "lost", Unit: "points", V: float64(lost)},
	}
	if lost > 0 {
		share := min(1, float64(ownedUpTo(t.log))/float64(lost))
		values = append(values, Value{Measure: "of those reported", Unit: "%", V: 100 * share, Better: Higher})
	}
	return values
}

// droppedItems is how the collector's exporters, and a report of a drain, write the number of lost points to the log.
var droppedItems = regexp.MustCompile(`"?(?:dropped_items|lost)"?[=:]\s*(\d+)`)

// ownedUpTo returns the points that a log says are lost.
func ownedUpTo(log string) int64 {
	var sum int64
	for _, m := range droppedItems.FindAllStringSubmatch(log, -1) {
		n, _ := strconv.ParseInt(m[1], 10, 64) // digits, and too many of them are no number of points
		sum += n
	}
	return sum
}
