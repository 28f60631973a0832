package scrape

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"golang.org/x/sync/semaphore"

	"github.com/sluice-metrics/sluice/internal/pace"
	"github.com/sluice-metrics/sluice/internal/retryafter"
)

// These are why a batch was not offered to the pipeline.
var (
	errNoRoom = errors.New("the pipeline had no room before the next scrape was due (backpressure)")
	errPaused = errors.New("the pipeline asked to be left alone")
)

// pressure is how the pipeline bears what it is given. The nil pressure just passes batches on.
type pressure struct {
	Backpressure
	pacer *pace.Pacer
	room  *semaphore.Weighted
	used  atomic.Int64
}

func newPressure(b *Backpressure) *pressure {
	if b == nil {
		return nil
	}
	return &pressure{Backpressure: *b, pacer: pace.New(), room: semaphore.NewWeighted(int64(b.BufferSize))}
}

// fill is the share of the buffer in use. It may be above 1: strategies other than block leave out the next scrapes, not
// those that were made.
func (p *pressure) fill() float64 {
	if p == nil {
		return 0
	}
	return float64(p.used.Load()) / float64(p.BufferSize)
}

// stretch is by how much intervals are to be longer.
func (p *pressure) stretch(now time.Time) float64 {
	if p == nil || p.Strategy != Adaptive {
		return 1
	}
	return p.pacer.Stretch(now)
}

// skips reports whether nothing more is to be scraped now. Block does so if it would wait beyond the next turn.
func (p *pressure) skips(now time.Time, interval time.Duration) bool {
	if p == nil {
		return false
	}
	paused := p.pacer.Paused(now)
	switch p.Strategy {
	case Block:
		return paused >= interval
	case Drop:
		return paused > 0 || p.fill() >= p.DropThreshold
	default:
		return paused > 0 || p.fill() >= 1
	}
}

// offer passes a batch on. The next scrape is due at next, when there is no use in trying further.
func (p *pressure) offer(
	ctx context.Context, md pmetric.Metrics, interval time.Duration, next time.Time,
	consume func(context.Context, pmetric.Metrics) error,
) error {
	if p == nil {
		return consume(ctx, md)
	}
	n := int64(md.DataPointCount())
	if p.Strategy == Block {
		return p.offerUntil(ctx, md, n, next, consume)
	}
	full := p.fill() / p.DropThreshold
	p.used.Add(n)
	defer p.used.Add(-n)
	begin := time.Now()
	err := consume(ctx, md)
	late := float64(time.Since(begin)) / (float64(interval) * patient)
	p.learn(max(full, late), err)
	return err
}

// learn tells the pacer of an answer. A batch that is wrong says nothing about load.
func (p *pressure) learn(pressure float64, err error) {
	now := time.Now()
	switch {
	case err == nil:
		p.pacer.Taken(now, pressure)
	case !consumererror.IsPermanent(err):
		p.pacer.Refused(now, min(retryafter.InError(err), maxGap))
	}
}

// patient is the share of the interval that the pipeline may take for a batch.
const patient = 0.25

// offerUntil waits for room, and offers again what was refused.
func (p *pressure) offerUntil(
	ctx context.Context, md pmetric.Metrics, n int64, next time.Time, consume func(context.Context, pmetric.Metrics) error,
) error {
	waiting, cancel := context.WithDeadline(ctx, next)
	defer cancel()
	n = min(n, int64(p.BufferSize))
	if p.room.Acquire(waiting, n) != nil {
		return errNoRoom
	}
	p.used.Add(n)
	defer func() {
		p.used.Add(-n)
		p.room.Release(n)
	}()
	return p.offerAgain(ctx, waiting, md, consume)
}

// offerAgain offers until waiting ends.
func (p *pressure) offerAgain(
	ctx, waiting context.Context, md pmetric.Metrics, consume func(context.Context, pmetric.Metrics) error,
) error {
	err := errPaused
	for pause := time.Duration(0); p.rest(waiting, pause); pause = max(2*pause, firstRetry) {
		err = consume(ctx, md)
		p.learn(0, err)
		if err == nil || consumererror.IsPermanent(err) {
			return err
		}
	}
	return fmt.Errorf("refused until the next scrape was due: %w", err)
}

// rest waits for a time, and for as long as the pipeline asks for, whoever it has told so. All wait for its end, and so
// go on at different times after it. It reports false if the context ends first.
func (p *pressure) rest(ctx context.Context, d time.Duration) bool {
	for {
		if paused := p.pacer.Paused(time.Now()); paused > d {
			d = paused + time.Duration(spread*random()*float64(paused))
		}
		if d <= 0 {
			return ctx.Err() == nil
		}
		if !sleepUntil(ctx, d) {
			return false
		}
		d = 0
	}
}

// spread is the share of a pause over which those are spread who wait for its end.
const spread = 0.25

// random need not be a secret.
var random = rand.Float64

const firstRetry = 100 * time.Millisecond

// sleepUntil reports false without delay if the context would end first.
func sleepUntil(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
