package buffer

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/childtest"
)

const (
	killStreams = 6
	killWorkers = 3
	killBatch   = 50
	// killRun is how many points a stream has in one run at most.
	killRun = 1_000_000
	// runEnv is the number of the run.
	runEnv = "SLUICE_BUFFER_RUN"
)

func init() {
	childtest.Register("kill", func() { killChild(false) })
	childtest.Register("kill fsync", func() { killChild(true) })
}

func killOptions(dir string, fsync bool) Options {
	return Options{
		Persisted: true, Directory: dir, Fsync: fsync, MaxBytes: 1 << 20, SpillThreshold: 1 << 15, MaxDiskBytes: 1 << 28,
		BatchItems: killBatch, MaxWorkers: killWorkers, Streams: Streams{Max: 4},
		Retry: Retry{Initial: 5 * time.Millisecond, Max: 20 * time.Millisecond},
	}
}

// killChild adds points to a buffer until it is killed. Its lines are "A stream from to" for what was acknowledged, and
// "D stream value..." for what was delivered.
func killChild(fsync bool) {
	dir, err := os.Getwd()
	fail(err)
	run, err := strconv.ParseInt(os.Getenv(runEnv), 10, 64)
	fail(err)
	opts := killOptions(dir, fsync)
	opts.Deliver = (&fickle{}).deliver
	b, err := Open(opts)
	fail(err)
	var wg sync.WaitGroup
	for stream := range killStreams {
		wg.Go(func() { killAdd(b, stream, run*killRun) })
	}
	wg.Wait()
}

func fail(err error) {
	if err != nil {
		fmt.Println("E", err)
		os.Exit(1)
	}
}

func killAdd(b *Buffer, stream int, from int64) {
	for {
		time.Sleep(time.Duration(rand.IntN(4000)) * time.Microsecond)
		to := from + 1 + rand.Int64N(2*killBatch)
		err := b.Add(context.Background(), points(strconv.Itoa(stream), between(from+1, to)...))
		if err == nil {
			say(fmt.Sprintln("A", stream, from+1, to))
		}
		from = to
	}
}

var saying sync.Mutex

// say writes a line whole, unless the process ends meanwhile.
func say(line string) {
	saying.Lock()
	defer saying.Unlock()
	_, err := os.Stdout.WriteString(line)
	fail(err)
}

// fickle is a taker that changes its mind every now and then.
type fickle struct {
	mu    sync.Mutex
	until time.Time
	mood  int
}

func (f *fickle) now() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Now().After(f.until) {
		f.mood = rand.IntN(6)
		f.until = time.Now().Add(time.Duration(rand.IntN(40)) * time.Millisecond)
	}
	return f.mood
}

func (f *fickle) deliver(_ context.Context, md pmetric.Metrics) error {
	switch f.now() {
	case 0:
		return errBusy
	case 1:
		time.Sleep(2 * time.Millisecond)
	case 2:
		if rand.IntN(30) == 0 {
			time.Sleep(1200 * time.Millisecond)
			return errBusy
		}
	}
	line := []byte("D")
	for stream, values := range read(md) {
		for _, v := range values {
			line = fmt.Appendf(line, " %s:%d", stream, v)
		}
	}
	say(string(append(line, '\n')))
	return nil
}

// killed is what all children have said.
type killed struct {
	acknowledged map[value]bool
	delivered    map[value]int // by the run that did it first
	last         map[string]int64
	again        map[int]int // how often points of a run were delivered a second time
}

func (k *killed) read(t *testing.T, run int, line string) {
	t.Helper()
	f := strings.Fields(line)
	switch f[0] {
	case "A":
		from, err := strconv.ParseInt(f[2], 10, 64)
		require.NoError(t, err)
		to, err := strconv.ParseInt(f[3], 10, 64)
		require.NoError(t, err)
		for _, v := range between(from, to) {
			k.acknowledged[value{f[1], v}] = true
		}
	case "D":
		for _, text := range f[1:] {
			stream, n, _ := strings.Cut(text, ":")
			v, err := strconv.ParseInt(n, 10, 64)
			require.NoError(t, err)
			k.take(t, run, value{stream, v})
		}
	default:
		require.Fail(t, line)
	}
}

// take checks that one process delivers each stream in order, and all of them together what is new in order.
func (k *killed) take(t *testing.T, run int, v value) {
	t.Helper()
	require.Greater(t, v.n, k.last[v.stream], "order of stream %s", v.stream)
	k.last[v.stream] = v.n
	if first, again := k.delivered[v]; again {
		require.NotEqual(t, run, first)
		k.again[first]++
		return
	}
	k.delivered[v] = run
}

// run kills a child after some time, and reads all it said.
func (k *killed) run(t *testing.T, dir, name string, run int, after time.Duration) {
	t.Helper()
	clear(k.last)
	cmd := childtest.Command(t.Context(), name, fmt.Sprintf("%s=%d", runEnv, run))
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	var timer *time.Timer
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a line that is not whole was not said
		}
		if timer == nil { // it runs
			timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		}
		k.read(t, run, line)
	}
	require.Error(t, cmd.Wait())
	require.Empty(t, stderr.String())
}

// drain takes all that the children have left.
func (k *killed) drain(t *testing.T, dir string, fsync bool, run int) {
	t.Helper()
	clear(k.last)
	opts := killOptions(dir, fsync)
	var mu sync.Mutex
	opts.Deliver = func(_ context.Context, md pmetric.Metrics) error {
		mu.Lock()
		defer mu.Unlock()
		for stream, values := range read(md) {
			for _, v := range values {
				k.take(t, run, value{stream, v})
			}
		}
		return nil
	}
	b := started(t, opts)
	require.Eventually(t, func() bool { return b.Stats().Streams == 0 }, time.Minute, 10*time.Millisecond)
	balanced(t, b.Stats())
	assert.Zero(t, b.Stats().DiskPoints)
	assert.Zero(t, b.Stats().Dropped)
}

func (k *killed) check(t *testing.T) {
	t.Helper()
	lost, again, most := 0, 0, 0
	for v := range k.acknowledged {
		if _, ok := k.delivered[v]; !ok {
			lost++
		}
	}
	for _, n := range k.again {
		again, most = again+n, max(most, n)
	}
	t.Logf("%d points acknowledged, %d delivered, %d lost, %d delivered again, %d of one run at most",
		len(k.acknowledged), len(k.delivered), lost, again, most)
	assert.Zero(t, lost)
	assert.LessOrEqual(t, most, killWorkers*killBatch, "a batch for each worker")
	assert.NotEmpty(t, k.acknowledged)
}

// TestKill kills a process at random moments: 10 times for each way to write, 200 times where PROOF_CHECKS is 20,000.
func TestKill(t *testing.T) {
	checks, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	require.NoError(t, err)
	for name, fsync := range map[string]bool{"kill": false, "kill fsync": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			k := &killed{map[value]bool{}, map[value]int{}, map[string]int64{}, map[int]int{}}
			runs := max(10, checks/100)
			for run := range runs {
				most := 200
				if run%5 == 4 { // long enough for what waits in memory to be written
					most = 2000
				}
				k.run(t, dir, name, run, time.Duration(rand.IntN(most))*time.Millisecond)
			}
			k.drain(t, dir, fsync, runs)
			k.check(t)
		})
	}
}
