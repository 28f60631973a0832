package buffer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof" // sizes the proof
)

// history is what happens to a buffer, drawn beforehand: rapid cannot draw inside a bubble.
type history struct {
	directory, persisted, shared, metadata, fsync bool
	maxBytes, threshold, maxDisk, batchBytes      int64
	batchItems, streams, workers                  int
	flush                                         time.Duration
	steps                                         []modelStep
}

type modelStep struct {
	action   string
	streams  []string // of an add
	points   int
	readOnly bool
	tenant   string
	mood     string
	wait     time.Duration // the timeout of an add, the deadline of a restart
}

func drawHistory(rt *rapid.T) *history {
	h := &history{
		directory: rapid.Bool().Draw(rt, "directory"), shared: rapid.Bool().Draw(rt, "shared"),
		metadata: rapid.Bool().Draw(rt, "metadata"), fsync: rapid.IntRange(0, 3).Draw(rt, "fsync") == 0,
		maxBytes:   rapid.SampledFrom([]int64{2_500, 20_000, 1 << 20}).Draw(rt, "max_bytes"),
		maxDisk:    rapid.SampledFrom([]int64{16 << 10, 1 << 26}).Draw(rt, "max_disk_bytes"),
		batchBytes: rapid.SampledFrom([]int64{0, 200, 1 << 20}).Draw(rt, "batch_bytes"),
		batchItems: rapid.SampledFrom([]int{0, 1, 5, 1000}).Draw(rt, "batch_items"),
		streams:    rapid.IntRange(1, 4).Draw(rt, "streams"), workers: rapid.IntRange(1, 3).Draw(rt, "workers"),
		flush: time.Duration(rapid.SampledFrom([]int{0, 200, 3000}).Draw(rt, "flush")) * time.Millisecond,
	}
	h.threshold = rapid.SampledFrom([]int64{1, h.maxBytes / 2, h.maxBytes}).Draw(rt, "spill_threshold")
	h.persisted = h.directory && rapid.Bool().Draw(rt, "persisted")
	actions := []string{"add", "add", "add", "add", "add", "mood", "wait", "restart"}
	if h.directory {
		actions = append(actions, "vanish", "return")
	}
	for range rapid.IntRange(1, 50).Draw(rt, "steps") {
		h.steps = append(h.steps, modelStep{
			action:   rapid.SampledFrom(actions).Draw(rt, "action"),
			streams:  rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 1, 3).Draw(rt, "streams"),
			points:   rapid.SampledFrom([]int{1, 1, 2, 4, 12}).Draw(rt, "points"),
			readOnly: h.shared && rapid.Bool().Draw(rt, "read-only"),
			tenant:   rapid.SampledFrom([]string{"red", "blue"}).Draw(rt, "tenant"),
			mood:     rapid.SampledFrom(modelMoods).Draw(rt, "mood"),
			wait:     time.Duration(rapid.IntRange(1, 5000).Draw(rt, "wait")) * time.Millisecond,
		})
	}
	return h
}

func (h *history) String() string {
	head := *h
	head.steps = nil
	lines := []string{fmt.Sprintf("%+v", head)}
	for _, s := range h.steps {
		lines = append(lines, fmt.Sprintf("%+v", s))
	}
	return strings.Join(lines, "\n")
}

// moody is a taker that remembers what it refused for good.
type moody struct {
	taker
	mood     string
	change   chan struct{} // closed when the mood changes
	calls    int
	refused  map[value]bool
	wrong    error // what no taker should see
	stubborn int   // deliveries that would not even end with their context
}

type value struct {
	stream string
	n      int64
}

var modelMoods = []string{"willing", "willing", "slow", "hanging", "stubborn", "busy", "permanent", "panicking", "flapping", "one", "never one"}

func newMoody() *moody {
	m := &moody{refused: map[value]bool{}, change: make(chan struct{}), mood: "willing"}
	m.set(m.meet)
	return m
}

func (m *moody) become(mood string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mood = mood
	close(m.change)
	m.change = make(chan struct{})
}

// look is what the taker knows of a delivery before it answers.
func (m *moody) look(ctx context.Context, md pmetric.Metrics) (mood string, change chan struct{}, calls int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	for stream := range read(md) {
		_, tenant, _ := strings.Cut(stream, "|")
		if got := client.FromContext(ctx).Metadata.Get("tenant"); tenant != "" && !slices.Equal(got, []string{tenant}) {
			m.wrong = fmt.Errorf("%s comes with tenant %v", stream, got)
		}
	}
	return m.mood, m.change, m.calls
}

func (m *moody) meet(ctx context.Context, md pmetric.Metrics) error {
	mood, change, calls := m.look(ctx, md)
	switch mood {
	case "slow":
		return slow(700*time.Millisecond)(ctx, md)
	case "hanging":
		select {
		case <-change:
		case <-ctx.Done():
		}
		return errBusy
	case "stubborn":
		m.count(1)
		<-change
		m.count(-1)
		return nil
	case "busy":
		return errBusy
	case "permanent":
		return m.refuse(md)
	case "panicking":
		panic(m.refuse(md))
	case "flapping":
		if calls%2 == 0 {
			return errBusy
		}
	case "one", "never one":
		return m.meetOne(mood, md)
	}
	return nil
}

// meetOne refuses what has anything of stream a.
func (m *moody) meetOne(mood string, md pmetric.Metrics) error {
	for stream := range read(md) {
		if !strings.HasPrefix(stream, "a") {
			continue
		}
		if mood == "one" {
			return errBusy
		}
		return m.refuse(md)
	}
	return nil
}

func (m *moody) count(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stubborn += n
}

func (m *moody) refuse(md pmetric.Metrics) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for stream, ns := range read(md) {
		for _, n := range ns {
			m.refused[value{stream, n}] = true
		}
	}
	return errNever
}

// world is one history as it is lived.
type world struct {
	*history
	taker *moody
	dir   string
	b     *Buffer
	adds  sync.WaitGroup
	next  map[string]int64

	mu    sync.Mutex
	acked map[value]bool
	// What buffers that are closed have counted.
	accepted, returned, lost, gone int64
	heard                          *heard
	// loose says that something happened after which duplicates are right, and those may come late.
	loose, vanished bool
}

// heard is what one buffer has told of drops and its storage.
type heard struct {
	mu      sync.Mutex
	dropped [reasons]int64
	failing bool
	wrong   error
}

func (h *heard) drop(d Drop) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropped[d.Reason] += int64(d.Points)
}

func (h *heard) storage(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if (err != nil) == h.failing {
		h.wrong = fmt.Errorf("storage is told twice of %w", err)
	}
	h.failing = err != nil
}

// agrees with the counts, in which what the log found damaged is dropped, too.
func (h *heard) agrees(s Stats) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Dropped[Unreadable] -= int64(s.Log.Damaged.Points)
	if h.dropped != s.Dropped {
		return fmt.Errorf("told of %v dropped, counted %v", h.dropped, s.Dropped)
	}
	return h.wrong
}

func (w *world) options() Options {
	h := w.history
	w.heard = &heard{}
	o := Options{
		OnDrop: w.heard.drop, OnStorage: w.heard.storage,
		Deliver: w.taker.deliver, Shared: h.shared, MaxBytes: h.maxBytes, SpillThreshold: h.threshold, MaxDiskBytes: h.maxDisk,
		BatchItems: h.batchItems, BatchBytes: h.batchBytes, FlushInterval: h.flush, MaxWorkers: h.workers,
		Streams: Streams{Max: h.streams}, Persisted: h.persisted, Fsync: h.fsync,
		Retry: Retry{Initial: 300 * time.Millisecond, Max: 3 * time.Second, PoisonAttempts: 6},
	}
	if h.metadata {
		o.Streams.Metadata = []string{"tenant"}
	}
	if h.directory {
		o.Directory = w.dir
	}
	return o
}

func newWorld(h *history, dir string) (w *world, err error) {
	w = &world{history: h, taker: newMoody(), dir: filepath.Join(dir, "spill"), next: map[string]int64{}, acked: map[value]bool{}}
	w.b, err = Open(w.options())
	return w, err
}

// run lives through a history and returns what was wrong.
func (h *history) run(dir string) error {
	w, err := newWorld(h, dir)
	if err != nil {
		return err
	}
	defer w.end()
	for i, s := range h.steps {
		if err = errors.Join(w.step(s), w.check()); err != nil {
			return fmt.Errorf("step %d, %+v: %w", i, s, err)
		}
	}
	return w.settle()
}

// end leaves nothing behind, whatever went wrong.
func (w *world) end() {
	w.taker.become("willing")
	_, _ = w.b.Close(context.Background())
	w.adds.Wait()
	synctest.Wait()
}

func (w *world) step(s modelStep) error {
	switch s.action {
	case "add":
		w.add(s)
	case "mood":
		w.taker.become(s.mood)
	case "wait":
		time.Sleep(s.wait)
	case "restart":
		return w.restart(s.wait)
	case "vanish":
		w.vanish()
	case "return":
		w.comeBack()
	}
	return nil
}

// vanish takes the directory away, as far as that can be done: files that are open take more.
func (w *world) vanish() {
	if !w.vanished && os.Rename(w.dir, w.dir+".away") == nil {
		w.vanished = true
	}
}

func (w *world) comeBack() {
	if w.vanished && os.Rename(w.dir+".away", w.dir) == nil {
		w.vanished = false
	}
}

func (w *world) add(s modelStep) {
	md, values := pmetric.NewMetrics(), []value{}
	ctx, cancel := context.WithTimeout(context.Background(), s.wait)
	if w.metadata {
		ctx = client.NewContext(ctx, client.Info{Metadata: client.NewMetadata(map[string][]string{"tenant": {s.tenant}})})
	}
	for _, stream := range s.streams {
		if w.metadata {
			stream += "|" + s.tenant
		}
		from := w.next[stream] + 1
		w.next[stream] += int64(s.points)
		ns := between(from, w.next[stream])
		addPoints(md, stream, ns...)
		for _, n := range ns {
			values = append(values, value{stream, n})
		}
	}
	if s.readOnly {
		md.MarkReadOnly()
	}
	w.adds.Go(func() {
		defer cancel()
		if w.b.Add(ctx, md) == nil {
			w.acknowledged(values)
		}
	})
	synctest.Wait() // the order of adds is that of the streams
}

func (w *world) acknowledged(values []value) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range values {
		w.acked[v] = true
	}
}

// modelOver is what the points and resources of a batch from disk take beyond what its bytes let expect.
const modelOver = 2000

func (w *world) check() error {
	synctest.Wait()
	s := w.b.Stats()
	if got := held(s); got != s.Accepted+s.Recovered {
		return fmt.Errorf("accepted %d and recovered %d, but %d are accounted for: %+v", s.Accepted, s.Recovered, got, s)
	}
	if most := w.maxBytes + w.b.replayRoom() + modelOver; s.MemoryBytes > most {
		return fmt.Errorf("%d bytes in memory, of %d at most", s.MemoryBytes, most)
	}
	w.taker.mu.Lock()
	defer w.taker.mu.Unlock()
	return errors.Join(w.taker.wrong, w.heard.agrees(s))
}

func (w *world) restart(deadline time.Duration) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	left, err := w.b.Close(ctx)
	if err != nil && !w.vanished {
		return err
	}
	if took := time.Since(began); took > deadline+200*time.Millisecond {
		return fmt.Errorf("closing within %v took %v", deadline, took)
	}
	w.adds.Wait()
	if w.taker.waits() || w.vanished {
		w.loose = true
	}
	if err := w.closed(left); err != nil {
		return err
	}
	w.comeBack()
	if w.b, err = Open(w.options()); err != nil {
		return err
	}
	if got := w.b.Stats().Recovered; got < left.Stored || got > left.Stored && !w.loose {
		return fmt.Errorf("%d were left, %d recovered", left.Stored, got)
	}
	return nil
}

func (m *moody) waits() bool {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stubborn > 0
}

// closed counts what a buffer leaves.
func (w *world) closed(left Left) error {
	s := w.b.Stats()
	switch {
	case left.Lost != s.Dropped[Stopped], left.Stored != s.DiskPoints, s.MemoryPoints != 0, s.MemoryBytes != 0:
		return fmt.Errorf("left %+v does not agree with %+v", left, s)
	case left.Lost > 0 && w.directory && !w.vanished && w.maxDisk == 1<<26:
		return fmt.Errorf("%d are lost although there was room on disk", left.Lost)
	}
	w.accepted += s.Accepted
	w.returned += s.Returned
	w.lost += left.Lost
	w.gone += s.Dropped[Poison] + s.Dropped[Unreadable]
	return w.check()
}

// settle lets everything be delivered, and compares.
func (w *world) settle() error {
	w.comeBack()
	w.taker.become("willing")
	time.Sleep(5 * time.Minute)
	w.adds.Wait()
	if err := w.check(); err != nil {
		return err
	}
	if s := w.b.Stats(); s.MemoryPoints+s.DiskPoints+s.MemoryBytes != 0 || s.Streams != 0 {
		return fmt.Errorf("not all is delivered: %+v", s)
	}
	left, err := w.b.Close(context.Background())
	if err != nil || left != (Left{}) {
		return fmt.Errorf("left %+v, %w", left, err)
	}
	return errors.Join(w.closed(left), w.compare())
}

// compare looks at what was delivered in the end, and in which order.
func (w *world) compare() error {
	over := map[value]bool{} // nothing more is to be done about it
	for stream := range w.next {
		last := int64(0)
		for _, n := range w.taker.taken(stream) {
			if n <= last && !w.loose {
				return fmt.Errorf("stream %s: %d after %d", stream, n, last)
			}
			last = n
			over[value{stream, n}] = true
		}
	}
	for v := range w.taker.refused {
		over[v] = true
	}
	missing, most := int64(0), w.gone
	for v := range w.acked {
		if !over[v] {
			missing++
		}
	}
	if !w.persisted { // or what was lost was not acknowledged
		most += w.lost
	}
	if missing > most {
		return fmt.Errorf("%d were acknowledged and are missing; %d were lost by stops, %d dropped", missing, w.lost, w.gone)
	}
	if sum := int64(len(over)) + w.lost + w.gone; sum != w.accepted && w.returned == 0 && !w.loose {
		return fmt.Errorf("%d were accepted, %d are delivered, refused or counted as lost", w.accepted, sum)
	}
	return nil
}

// TestLosesNothing: whatever happens in between, what was acknowledged is delivered in the order of its stream, or counted.
func TestLosesNothing(t *testing.T) {
	root, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		dir := filepath.Join(root, strconv.Itoa(n))
		n++
		if err := os.Mkdir(dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		var fault error
		synctest.Test(t, func(*testing.T) { fault = h.run(dir) })
		if fault != nil {
			rt.Fatalf("%v\n%s", fault, h)
		}
		_ = os.RemoveAll(dir)
	})
}
