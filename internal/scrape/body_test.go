package scrape

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMemoryIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(64 << 10)
		first, err := newBody(t.Context(), budget, 28<<10)
		require.NoError(t, err)
		second, err := newBody(t.Context(), budget, 20<<10)
		require.NoError(t, err)
		assert.EqualValues(t, 64<<10, budget.Used())
		time.AfterFunc(time.Second, first.Release)
		start := time.Now()
		third, err := newBody(t.Context(), budget, 0)
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = newBody(ctx, budget, 50<<10)
		require.ErrorIs(t, err, ErrNoMemory)
		second.Release()
		third.Release()
		assert.Zero(t, budget.Used())
	})
}

func TestAPageLargerThanThereIsMemory(t *testing.T) {
	budget := NewBudget(64 << 10)
	body, err := newBody(t.Context(), budget, 0)
	require.NoError(t, err)
	_, err = body.ReadFrom(strings.NewReader(strings.Repeat("x", 100<<10)))
	require.ErrorIs(t, err, ErrNoMemory)
	body.Release()
	body, err = newBody(t.Context(), budget, 200<<10)
	require.NoError(t, err, "it may be smaller now")
	_, err = body.ReadFrom(strings.NewReader("m 1\n"))
	require.NoError(t, err)
	body.Release()
	assert.Zero(t, budget.Used())
}

func TestAnyNumberOfPagesAtATime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(4<<10, 256<<10).Draw(rt, "limit")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 300<<10), 1, 40).Draw(rt, "sizes")
		expected := rapid.SliceOfN(rapid.IntRange(0, 300<<10), len(sizes), len(sizes)).Draw(rt, "expected")
		budget := NewBudget(int64(limit))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var reading sync.WaitGroup
		for i := range sizes {
			reading.Go(func() { readOne(ctx, rt, budget, sizes[i], expected[i], limit) })
		}
		reading.Wait()
		require.NoError(rt, ctx.Err(), "nobody waits for ever")
		assert.Zero(rt, budget.Used())
	})
}

func readOne(ctx context.Context, t assert.TestingT, budget *Budget, size, expected, limit int) {
	body, err := newBody(ctx, budget, expected)
	if err != nil {
		assert.Fail(t, "no memory", err)
		return
	}
	defer body.Release()
	text := bytes.Repeat([]byte{'x'}, size)
	_, err = body.ReadFrom(iotest.HalfReader(bytes.NewReader(text)))
	assert.LessOrEqual(t, budget.Used(), int64(limit))
	if err == nil {
		assert.True(t, bytes.Equal(text, body.Bytes()))
		return
	}
	assert.ErrorIs(t, err, ErrNoMemory)
}

func TestAPageThatBreaksOff(t *testing.T) {
	broken := errors.New("broken")
	var body Body
	n, err := body.ReadFrom(io.MultiReader(strings.NewReader("m 1\n"), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	assert.EqualValues(t, 4, n)
	body.Release()
}

func TestPagesCanBeWritten(t *testing.T) {
	budget := NewBudget(16 << 10)
	body, err := newBody(t.Context(), budget, 0)
	require.NoError(t, err)
	defer body.Release()
	for range 5 {
		_, err = body.Write(make([]byte, 1000))
		require.NoError(t, err)
	}
	assert.Len(t, body.Bytes(), 5000)
	_, err = body.Write(make([]byte, 100_000))
	require.ErrorIs(t, err, ErrNoMemory)
}
