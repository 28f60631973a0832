package e2e

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The ways in which a drain is ended.
const (
	toItsEnd     = "clean"
	byDeadline   = "deadline"
	bySecondTerm = "second signal"
)

// ending is what the configuration and the operator do, and how long the process may live from the last signal on.
type ending struct {
	drain string
	limit time.Duration
}

var endings = map[string]ending{
	// A component that hangs is left behind, so that the stop comes to its end.
	toItsEnd: {"timeout: 20s, component_timeout: 12s", 20 * time.Second},
	// The deadline comes before any component is given up.
	byDeadline: {"timeout: 1500ms, component_timeout: 0s", 1500 * time.Millisecond},
	// The lame duck lasts, so that there is always something that the second signal cuts short.
	bySecondTerm: {"delay: 1m", 0},
}

// end stops the process and returns its exit code.
func (e ending) end(t *testing.T, s *sluice, how string) (code int) {
	t.Helper()
	s.signal(syscall.SIGTERM)
	if how == bySecondTerm {
		time.Sleep(repeatsEnd)
		s.signal(syscall.SIGTERM)
	}
	last := time.Now()
	code = s.wait(patience)
	assert.Less(t, time.Since(last), e.limit+time.Second, "the process ends within its deadline and a second")
	return code
}

// repeatsEnd is when a second signal is one.
const repeatsEnd = 1100 * time.Millisecond

// drainCase is one row of the proof: what is wrong downstream, and what the queue is.
type drainCase struct {
	name       string
	downstream func(t *testing.T) (url string, backend *numbered)
	queue      string
	processors bool // batch too, which takes points and sends them later
	batches    int
	inCI       map[string]bool // the endings that also run without SLUICE_E2E=full
}

func (c *drainCase) persistent() bool { return c.queue == fileQueue }

const (
	memoryQueue = "queue_size: 1000, num_consumers: 4"
	fileQueue   = "queue_size: 1000, num_consumers: 4, storage: file_storage"
	fullQueue   = "queue_size: 3, num_consumers: 1"
)

func answering(answer func(http.ResponseWriter, *http.Request) bool) func(t *testing.T) (string, *numbered) {
	return func(t *testing.T) (string, *numbered) {
		t.Helper()
		b := newNumbered(t, answer)
		return b.URL, b
	}
}

func dead(t *testing.T) (url string, backend *numbered) {
	t.Helper()
	return "http://127.0.0.1:" + freePort(t), newNumbered(t, takes)
}

func only(endings ...string) map[string]bool {
	set := map[string]bool{}
	for _, e := range endings {
		set[e] = true
	}
	return set
}

var drainCases = []drainCase{
	{name: "healthy/memory", downstream: answering(takes), queue: memoryQueue, batches: 20, inCI: only(toItsEnd)},
	{name: "healthy/batched", downstream: answering(takes), queue: memoryQueue, processors: true, batches: 20, inCI: only(toItsEnd)},
	{name: "dead/memory", downstream: dead, queue: memoryQueue, batches: 20, inCI: only(toItsEnd)},
	{name: "dead/file", downstream: dead, queue: fileQueue, batches: 20, inCI: only(toItsEnd, bySecondTerm)},
	{name: "dead/full", downstream: dead, queue: fullQueue, batches: 20},
	{name: "dead/batched and full", downstream: dead, queue: fullQueue, processors: true, batches: 20, inCI: only(toItsEnd)},
	{name: "slow/memory", downstream: answering(slowly), queue: memoryQueue, batches: 32, inCI: only(byDeadline)},
	{name: "slow/file", downstream: answering(slowly), queue: fileQueue, batches: 32, inCI: only(byDeadline)},
	{name: "slow/full", downstream: answering(slowly), queue: fullQueue, batches: 10, inCI: only(toItsEnd)},
	{name: "hanging/memory", downstream: answering(hangs), queue: memoryQueue, batches: 20, inCI: only(byDeadline, bySecondTerm)},
	{name: "hanging/file", downstream: answering(hangs), queue: fileQueue, batches: 20, inCI: only(byDeadline)},
	{name: "hanging/full", downstream: answering(hangs), queue: fullQueue, batches: 20},
	{name: "hanging/batched", downstream: answering(hangs), queue: memoryQueue, processors: true, batches: 20},
}

// TestDrainBalances is the proof: whatever is wrong downstream and however the stop ends, it ends in time, and what
// clients were told is safe was confirmed by the backend, is on the disk, or is reported lost.
func TestDrainBalances(t *testing.T) {
	for _, c := range drainCases {
		for how, e := range endings {
			if !full() && !c.inCI[how] {
				continue
			}
			t.Run(c.name+"/"+how, func(t *testing.T) {
				t.Parallel()
				c.run(t, how, e)
			})
		}
	}
}

func (c *drainCase) run(t *testing.T, how string, e ending) {
	t.Helper()
	url, backend := c.downstream(t)
	cfg := newDrainConfig(t, url)
	cfg.queue, cfg.drain = c.queue, e.drain
	if c.processors {
		cfg.processors, cfg.processorNames = "  streamer:\n  batch: {send_batch_size: 50, timeout: 300ms}", "streamer, batch"
	}
	s := cfg.launch(t)
	accepted := sendBatches(t, cfg.http, 0, c.batches)
	require.NotEmpty(t, accepted)
	code := e.end(t, s, how)
	s.oneLine()

	r := readReport(t, cfg.reportFile())
	var stored []int64
	if c.persistent() {
		stored = storedIn(t, cfg.dir+"/queue", "otlp_http")
	}
	confirmed := backend.points()
	books := fmt.Sprintf("report %+v", r.Points)
	assert.EqualValues(t, len(accepted), r.Points.Accepted, books)
	assert.EqualValues(t, c.batches*pointsPerBatch-len(accepted), r.Points.Refused, books)
	assert.Equal(t, confirmed, r.Points.Delivered, books)
	assert.EqualValues(t, len(stored), r.Points.Stored, books)
	assert.EqualValues(t, len(accepted), confirmed+int64(len(stored))+r.Points.Lost, books)
	assert.Zero(t, r.Points.Copied, books)
	assert.Zero(t, r.Points.Removed, books)
	c.judge(t, how, code, &r)
	if c.persistent() {
		assert.Zero(t, r.Points.Lost, "a queue on disk loses nothing")
		c.restart(t, cfg, backend, accepted, stored)
	}
}

// judge compares the exit code with what happened.
func (c *drainCase) judge(t *testing.T, how string, code int, r *drainReport) {
	t.Helper()
	assert.Equal(t, code, r.ExitCode)
	switch {
	case how == bySecondTerm:
		assert.Equal(t, 3, code)
	case len(r.hung()) > 0:
		assert.Equal(t, 3, code)
		assert.Equal(t, []string{"exporter otlp_http"}, r.hung())
	case r.Points.Lost > 0:
		assert.Equal(t, 4, code)
	default:
		assert.Equal(t, 0, code)
	}
	assert.Equal(t, map[int]string{0: "clean", 3: "forced", 4: "lost"}[code], r.Outcome)
}

// restart starts a second process on what the first one left, with a backend that takes it. In the end the backend has
// confirmed each point that a client was told is safe.
func (*drainCase) restart(t *testing.T, cfg *drainConfig, first *numbered, accepted, stored []int64) {
	t.Helper()
	second := newNumbered(t, takes)
	cfg.backend, cfg.drain = second.URL, ""
	s := cfg.launch(t)
	more := sendBatches(t, cfg.http, 1000, 2)
	missing := func() []int64 { return second.lacks(first.lacks(append(accepted, more...))) }
	eventually(t, func() error {
		if left := missing(); len(left) > 0 {
			return fmt.Errorf("%d points are missing", len(left))
		}
		return nil
	})
	s.stop()
	r := readReport(t, cfg.reportFile())
	assert.EqualValues(t, len(stored), r.Points.Carried)
	assert.EqualValues(t, len(stored)+len(more), r.Points.Delivered)
	assert.Zero(t, r.Points.Stored)
	assert.Zero(t, r.Points.Lost)
	assert.Zero(t, r.Points.Copied)
}
