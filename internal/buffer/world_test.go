package buffer

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// taker is the next component: it notes what it took, in order, and fails as it is told.
type taker struct {
	mu      sync.Mutex
	mood    func(ctx context.Context, md pmetric.Metrics) error
	streams map[string][]int64
	batches []int
	at      int
	most    int
}

var (
	errBusy  = errors.New("busy")
	errNever = consumererror.NewPermanent(errors.New("never"))
)

func willing(context.Context, pmetric.Metrics) error  { return nil }
func busy(context.Context, pmetric.Metrics) error     { return errBusy }
func refusing(context.Context, pmetric.Metrics) error { return errNever }
func panicking(context.Context, pmetric.Metrics) error {
	panic("no")
}

func hanging(ctx context.Context, _ pmetric.Metrics) error {
	<-ctx.Done()
	return ctx.Err()
}

func slow(d time.Duration) func(context.Context, pmetric.Metrics) error {
	return func(ctx context.Context, _ pmetric.Metrics) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (k *taker) set(mood func(context.Context, pmetric.Metrics) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mood = mood
}

func (k *taker) deliver(ctx context.Context, md pmetric.Metrics) error {
	k.mu.Lock()
	mood := k.mood
	k.at++
	k.most = max(k.most, k.at)
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		k.at--
		k.mu.Unlock()
	}()
	if mood != nil {
		if err := mood(ctx, md); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.streams == nil {
		k.streams = map[string][]int64{}
	}
	k.batches = append(k.batches, md.DataPointCount())
	for name, values := range read(md) {
		k.streams[name] = append(k.streams[name], values...)
	}
	return nil
}

func (k *taker) taken(stream string) []int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.streams[stream])
}

func (k *taker) total() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, values := range k.streams {
		n += len(values)
	}
	return n
}

// read returns the values of each stream.
func read(md pmetric.Metrics) map[string][]int64 {
	all := map[string][]int64{}
	for _, rm := range md.ResourceMetrics().All() {
		name, _ := rm.Resource().Attributes().Get("stream")
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				for _, p := range m.Gauge().DataPoints().All() {
					all[name.Str()] = append(all[name.Str()], p.IntValue())
				}
			}
		}
	}
	return all
}

// within is a context that ends after d.
func within(d time.Duration) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(d, cancel)
	return ctx
}

// points are the metrics of one stream with these values.
func points(stream string, values ...int64) pmetric.Metrics {
	md := pmetric.NewMetrics()
	addPoints(md, stream, values...)
	return md
}

func addPoints(md pmetric.Metrics, stream string, values ...int64) {
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("stream", stream)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("some.metric")
	ps := m.SetEmptyGauge().DataPoints()
	for _, v := range values {
		p := ps.AppendEmpty()
		p.SetIntValue(v)
		p.Attributes().PutStr("host.name", "some-host")
	}
}

// noisyPoint is one point of stream a that does not compress.
func noisyPoint(v int64) pmetric.Metrics {
	md := points("a", v)
	text := make([]byte, 400)
	for i := range text {
		text[i] = byte('!' + rand.IntN(90))
	}
	md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0).Attributes().PutStr("noise", string(text))
	return md
}

func upTo(n int64) []int64 { return between(1, n) }

func between(from, to int64) []int64 {
	var values []int64
	for v := from; v <= to; v++ {
		values = append(values, v)
	}
	return values
}

// testOptions are large enough for what a test does not want to bound.
func testOptions(k *taker) Options {
	return Options{
		Deliver: k.deliver, MaxBytes: 1 << 20, SpillThreshold: 1 << 19, BatchItems: 1000, BatchBytes: 1 << 20, MaxWorkers: 4,
		Streams: Streams{Max: 50}, MaxDiskBytes: 1 << 26, Retry: Retry{Initial: time.Second, Max: 10 * time.Second, PoisonAttempts: 5},
	}
}

func started(tb testing.TB, opts Options) *Buffer {
	tb.Helper()
	b, err := Open(opts)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_, err := b.Close(context.Background())
		assert.NoError(tb, err)
	})
	return b
}

// balanced asserts that the books add up.
func balanced(tb assert.TestingT, s Stats) {
	assert.Equal(tb, s.Accepted+s.Recovered, held(s), "books: %+v", s)
}

// held is one side of the books.
func held(s Stats) int64 {
	sum := s.Delivered + s.MemoryPoints + s.DiskPoints + s.Returned
	for _, n := range s.Dropped {
		sum += n
	}
	return sum
}

// pass lets time pass in a bubble, and what is due happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
