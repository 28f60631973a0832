package scrape

import (
	"context"
	"errors"
	"io"
	"math/bits"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// ErrNoMemory is why a page is not read while others take the memory that pages may take.
var ErrNoMemory = errors.New("the memory for pages is used up (max_body_memory)")

// Budget bounds the memory that pages take while they are read. A nil Budget is no bound.
type Budget struct {
	weight *semaphore.Weighted
	limit  int64
	used   atomic.Int64
}

// NewBudget returns a budget of so many bytes, nil if there is no bound.
func NewBudget(limit int64) *Budget {
	if limit <= 0 {
		return nil
	}
	return &Budget{weight: semaphore.NewWeighted(limit), limit: limit}
}

// Used returns the bytes in use.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// clamp returns the largest size up to n that the budget ever has: what was too large once may be smaller now.
func (b *Budget) clamp(n int) int {
	if b == nil || int64(n) <= b.limit {
		return n
	}
	return 1 << (bits.Len64(uint64(b.limit)) - 1)
}

// wait takes n bytes as soon as they are there.
func (b *Budget) wait(ctx context.Context, n int64) error {
	if b == nil {
		return nil
	}
	if n > b.limit || b.weight.Acquire(ctx, n) != nil {
		return ErrNoMemory
	}
	b.used.Add(n)
	return nil
}

// try takes n bytes if they are there: who has some already must not wait for those who wait for them.
func (b *Budget) try(n int64) error {
	if b == nil {
		return nil
	}
	if n > b.limit || !b.weight.TryAcquire(n) {
		return ErrNoMemory
	}
	b.used.Add(n)
	return nil
}

func (b *Budget) release(n int64) {
	if b != nil && n > 0 {
		b.used.Add(-n)
		b.weight.Release(n)
	}
}

// Body is a page under way. The zero value has no bound.
type Body struct {
	bytes  []byte
	budget *Budget
	held   int64
}

// smallest is the least memory of a page.
const smallest = 4 << 10

// newBody waits for the memory that a page of the expected size takes.
func newBody(ctx context.Context, budget *Budget, expected int) (*Body, error) {
	n := budget.clamp(sizeFor(expected))
	if err := budget.wait(ctx, int64(n)); err != nil {
		return nil, err
	}
	return &Body{bytes: buffers.get(n), budget: budget, held: int64(n)}, nil
}

// sizeFor leaves room for a page that has grown a little.
func sizeFor(expected int) int {
	n := expected + expected/8
	return 1 << bits.Len(uint(max(n, smallest)-1))
}

// Bytes are valid until Release.
func (b *Body) Bytes() []byte { return b.bytes }

// Release gives the memory back.
func (b *Body) Release() {
	buffers.put(b.bytes)
	b.budget.release(b.held)
	b.bytes, b.held = nil, 0
}

// Write appends to the page.
func (b *Body) Write(text []byte) (int, error) {
	for cap(b.bytes)-len(b.bytes) < len(text) {
		if err := b.grow(); err != nil {
			return 0, err
		}
	}
	b.bytes = append(b.bytes, text...)
	return len(text), nil
}

// ReadFrom reads to the end, or until there is no memory left.
func (b *Body) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		if len(b.bytes) == cap(b.bytes) {
			if err := b.grow(); err != nil {
				return n, err
			}
		}
		m, err := r.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+m]
		n += int64(m)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func (b *Body) grow() error {
	size := max(smallest, 2*cap(b.bytes))
	if err := b.budget.try(int64(size)); err != nil {
		return err
	}
	grown := append(buffers.get(size), b.bytes...)
	buffers.put(b.bytes)
	b.budget.release(b.held)
	b.bytes, b.held = grown, int64(size)
	return nil
}

// pool keeps buffers by the logarithm of their size.
type pool [32]sync.Pool

var buffers pool

// largestPooled is above what is kept: such pages are rare, and large.
const largestPooled = 64 << 20

func (p *pool) get(size int) []byte {
	if size <= largestPooled {
		if buf, _ := p[bits.Len(uint(size-1))].Get().(*[]byte); buf != nil {
			return (*buf)[:0]
		}
	}
	return make([]byte, 0, size)
}

func (p *pool) put(buf []byte) {
	if size := cap(buf); size >= smallest && size <= largestPooled && size&(size-1) == 0 {
		p[bits.Len(uint(size-1))].Put(&buf)
	}
}
