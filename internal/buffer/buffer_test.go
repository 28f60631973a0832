package buffer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestPassesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		b := started(t, testOptions(k))
		require.NoError(t, b.Add(t.Context(), points("a", 1, 2)))
		synctest.Wait()
		assert.Equal(t, []int64{1, 2}, k.taken("a"))
		balanced(t, b.Stats())
	})
}

func TestMergesWhatComesWithinTheFlushInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		opts := testOptions(k)
		opts.FlushInterval, opts.BatchItems = time.Second, 5
		b := started(t, opts)
		require.NoError(t, b.Add(t.Context(), points("a", 1, 2)))
		pass(500 * time.Millisecond)
		require.NoError(t, b.Add(t.Context(), points("a", 3)))
		synctest.Wait()
		assert.Empty(t, k.taken("a"), "neither full nor old enough")
		pass(501 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []int{3}, k.batches)

		require.NoError(t, b.Add(t.Context(), points("a", 4, 5, 6)))
		require.NoError(t, b.Add(t.Context(), points("a", 7, 8)))
		synctest.Wait()
		assert.Equal(t, []int{3, 5}, k.batches, "full")
		assert.Equal(t, upTo(8), k.taken("a"))
	})
}

func TestCutsWhatIsLargerThanABatch(t *testing.T) {
	for name, bound := range map[string]func(*Options){
		"items": func(o *Options) { o.BatchItems = 10 },
		"bytes": func(o *Options) { o.BatchBytes = wireBytes(points("a", upTo(12)...)) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, shared := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					k := &taker{}
					opts := testOptions(k)
					bound(&opts)
					b := started(t, opts)
					md := points("a", upTo(95)...)
					if shared {
						md.MarkReadOnly()
					}
					require.NoError(t, b.Add(t.Context(), md))
					synctest.Wait()
					assert.Equal(t, upTo(95), k.taken("a"))
					assert.GreaterOrEqual(t, len(k.batches), 8)
					assert.LessOrEqual(t, k.batches[0], 14)
				})
			}
		})
	}
}

func TestStreamsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(func(ctx context.Context, md pmetric.Metrics) error {
			if _, is := read(md)["a"]; is {
				return hanging(ctx, md)
			}
			return nil
		})
		opts := testOptions(k)
		b := started(t, opts)
		md := points("a", 1)
		addPoints(md, "b", 1)
		addPoints(md, "a", 2)
		require.NoError(t, b.Add(t.Context(), md))
		require.NoError(t, b.Add(t.Context(), points("b", 2)))
		pass(2 * patience) // there may have been one slot
		assert.Equal(t, upTo(2), k.taken("b"))
		assert.Empty(t, k.taken("a"))
		s := b.Stats()
		assert.EqualValues(t, 2, s.MemoryPoints)
		assert.Equal(t, 1, s.Streams)
		balanced(t, s)
	})
}

func TestRetriesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(busy)
		opts := testOptions(k)
		opts.Streams.Max = 1
		b := started(t, opts)
		for v := range int64(5) {
			require.NoError(t, b.Add(t.Context(), points("a", v+1)))
		}
		pass(time.Minute)
		assert.Empty(t, k.taken("a"))
		k.set(willing)
		pass(13 * time.Second)
		assert.Equal(t, upTo(5), k.taken("a"))
		balanced(t, b.Stats())
	})
}

func TestWaitsAsLongAsTheTakerAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		asks, err := status.New(codes.ResourceExhausted, "").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})
		require.NoError(t, err)
		calls := 0
		k.set(func(context.Context, pmetric.Metrics) error {
			if calls++; calls == 1 {
				return asks.Err()
			}
			return nil
		})
		b := started(t, testOptions(k))
		require.NoError(t, b.Add(t.Context(), points("a", 1)))
		pass(6999 * time.Millisecond)
		assert.Empty(t, k.taken("a"))
		pass(1500 * time.Millisecond)
		assert.Equal(t, upTo(1), k.taken("a"))
	})
}

func TestDropsWhatNobodyTakes(t *testing.T) {
	for _, c := range []struct {
		mood   func(context.Context, pmetric.Metrics) error
		reason Reason
	}{{refusing, Permanent}, {panicking, Panicked}} {
		t.Run(c.reason.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := &taker{}
				k.set(c.mood)
				opts := testOptions(k)
				var drops []Drop
				opts.OnDrop = func(d Drop) { drops = append(drops, d) }
				b := started(t, opts)
				require.NoError(t, b.Add(t.Context(), points("a", 1, 2)))
				synctest.Wait()
				k.set(willing)
				require.NoError(t, b.Add(t.Context(), points("a", 3)))
				synctest.Wait()
				assert.Equal(t, []int64{3}, k.taken("a"))
				require.Len(t, drops, 1)
				assert.Equal(t, c.reason, drops[0].Reason)
				assert.EqualValues(t, 2, b.Stats().Dropped[c.reason])
				balanced(t, b.Stats())
			})
		})
	}
}

func TestOnePermanentRefusalOfSeveralTakersIsNotForGood(t *testing.T) {
	several := func(errs ...error) error { return severalErrors(errs) }
	assert.True(t, permanent(errNever))
	assert.True(t, permanent(several(errNever, errNever)))
	assert.False(t, permanent(several(errNever, errBusy)))
	assert.False(t, permanent(errBusy))
}

type severalErrors []error

func (severalErrors) Error() string     { return "several" }
func (e severalErrors) Unwrap() []error { return e }

func TestPoisonIsSetAsideWhileOthersPass(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		synctest.Test(t, func(t *testing.T) {
			k := &taker{}
			k.set(func(_ context.Context, md pmetric.Metrics) error {
				if _, is := read(md)["poison"]; is {
					return errBusy
				}
				return nil
			})
			opts := testOptions(k)
			opts.Directory = dir
			if dir != "" {
				opts.SpillThreshold = 1 // it is poison from the disk
			}
			var dropped []Number
			opts.OnDrop = func(d Drop) { dropped = append(dropped, d.Batch) }
			b := started(t, opts)
			require.NoError(t, b.Add(t.Context(), points("poison", 1, 2, 3)))
			pass(time.Hour)
			assert.EqualValues(t, 3, b.Stats().MemoryPoints+b.Stats().DiskPoints, "nothing else has passed: the taker may be down")
			require.NoError(t, b.Add(t.Context(), points("a", 1)))
			pass(time.Minute)
			s := b.Stats()
			assert.EqualValues(t, 3, s.Dropped[Poison])
			require.Len(t, dropped, 1)
			assert.EqualValues(t, 1, dropped[0].Seq)
			if dir != "" {
				assert.EqualValues(t, 3, s.Log.SetAside.Points)
			}
			balanced(t, s)
		})
	}
}

func TestRefusesWhatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(slow(2 * time.Second))
		opts := testOptions(k)
		opts.MaxBytes, opts.Streams.Max = 20_000, 1
		b := started(t, opts)
		var full *FullError
		var accepted int64
		for range 1000 {
			err := b.Add(t.Context(), points("a", accepted+1))
			if err == nil {
				accepted++
				continue
			}
			require.ErrorAs(t, err, &full)
			break
		}
		require.NotNil(t, full)
		assert.Equal(t, longestDelay, full.RetryAfter, "nothing has left yet")
		assert.LessOrEqual(t, b.Stats().MemoryBytes, opts.MaxBytes)
		pass(time.Minute)
		assert.Equal(t, upTo(accepted), k.taken("a"))
		assert.EqualValues(t, 1, b.Stats().Refused)
		require.ErrorIs(t, b.Add(t.Context(), points("a", upTo(1000)...)), ErrTooLarge)
		balanced(t, b.Stats())
	})
}

func TestDelayIsWhatTheDrainRateSays(t *testing.T) {
	var r drainRate
	now := time.Now()
	for range 100 { // 1,000 bytes per second
		now = now.Add(time.Second)
		r.left(now, 1000)
	}
	assert.InDelta(t, 5, r.delay(now, 5000).Seconds(), 0.5)
	assert.Equal(t, shortestDelay, r.delay(now, 1))
	assert.Equal(t, longestDelay, r.delay(now, 1<<40))
	assert.Equal(t, longestDelay, r.delay(now.Add(time.Hour), 5000), "nothing has left for long")
}

func TestMetadataTellsStreamsApartAndGoesAlong(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		tenants := map[string]int{}
		noting := func(ctx context.Context, md pmetric.Metrics) error {
			tenants[client.FromContext(ctx).Metadata.Get("tenant")[0]] += md.DataPointCount()
			return nil
		}
		k.set(busy)
		opts := testOptions(k)
		opts.Directory, opts.SpillThreshold = dir, 1
		opts.Streams.Max, opts.Streams.Metadata, opts.FlushInterval = 1, []string{"tenant", "absent"}, time.Second
		b := started(t, opts)
		for i := range 6 {
			tenant := []string{"red", "blue"}[i/2%2]
			ctx := client.NewContext(t.Context(), client.Info{Metadata: client.NewMetadata(map[string][]string{"tenant": {tenant}, "other": {"x"}})})
			require.NoError(t, b.Add(ctx, points("a", int64(i+1))))
		}
		_, err := b.Close(within(time.Second))
		require.NoError(t, err)
		k.set(noting)
		started(t, opts)
		pass(time.Minute)
		assert.Equal(t, map[string]int{"red": 4, "blue": 2}, tenants)
		assert.Equal(t, upTo(6), k.taken("a"))
		assert.Equal(t, []int{2, 2, 2}, k.batches)
	})
}

func TestWorkersGrowWhileStreamsWaitAndShrinkWhenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(slow(time.Second))
		opts := testOptions(k)
		opts.MinWorkers, opts.MaxWorkers = 1, 4
		b := started(t, opts)
		for i := range 40 {
			require.NoError(t, b.Add(t.Context(), points(string(rune('a'+i)), 1)))
		}
		pass(30 * time.Second)
		assert.Equal(t, 4, k.most)
		k.set(busy)
		require.NoError(t, b.Add(t.Context(), points("a", 2)))
		pass(30 * time.Second)
		assert.Equal(t, 1, b.Stats().Slots)
		assert.Zero(t, b.Stats().Workers)
		k.set(willing)
	})
}

func TestMetricsWithoutPointsPassAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		calls := 0
		k.set(func(context.Context, pmetric.Metrics) error { calls++; return errBusy })
		b := started(t, testOptions(k))
		require.ErrorIs(t, b.Add(t.Context(), pmetric.NewMetrics()), errBusy)
		require.ErrorIs(t, b.Add(t.Context(), points("a")), errBusy)
		assert.Equal(t, 2, calls)
	})
}

func TestWhatIsHeldIsNotChangedByTheTaker(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		synctest.Test(t, func(t *testing.T) {
			k, calls := &taker{}, 0
			k.set(func(_ context.Context, md pmetric.Metrics) error {
				calls++
				if calls < 3 {
					assert.False(t, md.IsReadOnly())
					md.ResourceMetrics().RemoveIf(func(pmetric.ResourceMetrics) bool { return true })
					return errBusy
				}
				return nil
			})
			opts := testOptions(k)
			if opts.Directory = dir; dir != "" {
				opts.SpillThreshold = 1
			}
			b := started(t, opts)
			require.NoError(t, b.Add(t.Context(), points("a", 1, 2)))
			pass(time.Minute)
			assert.Equal(t, upTo(2), k.taken("a"))
			balanced(t, b.Stats())
		})
	}
}

func TestSharedBatchesAreHandedOutReadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		opts := testOptions(k)
		opts.Shared, opts.FlushInterval = true, time.Second
		k.set(func(_ context.Context, md pmetric.Metrics) error {
			assert.True(t, md.IsReadOnly())
			return nil
		})
		b := started(t, opts)
		shared := points("a", 1)
		shared.MarkReadOnly()
		require.NoError(t, b.Add(t.Context(), shared))
		require.NoError(t, b.Add(t.Context(), points("a", 2)))
		pass(2 * time.Second)
		assert.Equal(t, []int{2}, k.batches)
		assert.Equal(t, 1, shared.DataPointCount(), "others hold it")
	})
}

// What a failed call left behind is counted, so that books of what was taken balance: its sender sends it again.
func TestWhatAFailedCallLeavesIsCounted(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		k.set(func(ctx context.Context, md pmetric.Metrics) error {
			if _, is := read(md)["bad"]; is {
				return errNever
			}
			return slow(1500*time.Millisecond)(ctx, md)
		})
		opts := testOptions(k)
		opts.Directory, opts.Persisted, opts.MinWorkers = dir, true, 4
		b := started(t, opts)
		md := points("bad", 1, 2)
		addPoints(md, "good", 1, 2, 3)
		require.ErrorIs(t, b.Add(t.Context(), md), errNever)
		s := b.Stats()
		assert.EqualValues(t, 2, s.Returned)
		assert.EqualValues(t, 3, s.Kept)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, b.Add(ctx, points("good", 4)), context.DeadlineExceeded, "it waits behind the others")
		assert.EqualValues(t, 3, b.Stats().Returned)
		pass(time.Minute)
		assert.Equal(t, upTo(3), k.taken("good"))
		assert.EqualValues(t, 3, b.Stats().Kept)
		balanced(t, b.Stats())
	})
}

// Batches are numbered: within a lane, those that are handed on later have higher numbers, those from disk too.
func TestBatchesAreNumbered(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		synctest.Test(t, func(t *testing.T) {
			k := &taker{}
			var numbers []Number
			k.set(func(ctx context.Context, _ pmetric.Metrics) error {
				if n := NumberOf(ctx); n.Seq == 2 {
					return errNever
				}
				numbers = append(numbers, NumberOf(ctx))
				return nil
			})
			opts := testOptions(k)
			opts.Directory, opts.Streams.Max, opts.BatchItems = dir, 1, 2
			if dir != "" {
				opts.SpillThreshold = 1
			}
			var dropped []Number
			opts.OnDrop = func(d Drop) { dropped = append(dropped, d.Batch) }
			b := started(t, opts)
			for i := range int64(4) {
				require.NoError(t, b.Add(t.Context(), points("a", 2*i, 2*i+1)))
			}
			pass(time.Minute)
			assert.Equal(t, []Number{{0, 1}, {0, 3}, {0, 4}}, numbers)
			assert.Equal(t, []Number{{0, 2}}, dropped)
		})
	}
}
