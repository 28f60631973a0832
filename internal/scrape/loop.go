package scrape

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	promcommon "github.com/prometheus/common/config"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/promotlp"
)

// getter gets the page of a target.
type getter interface {
	Fetch(ctx context.Context, body *Body) (contentType string, err error)
}

// loop scrapes one target again and again.
type loop struct {
	*target
	job     string
	getter  getter
	options promotlp.Options
	cache   *promotlp.Cache
	log     *zap.Logger
	// failures is the job's scrape_failure_log_file, or nil.
	failures *slog.Logger
	shared   *shared

	// stopping is closed when there shall be no further scrape, adopted when another loop waits for the cache, done when
	// the loop is over.
	stopping, adopted, done chan struct{}
	stopOnce, adoptOnce     sync.Once
	// before is the loop whose cache this one takes over, or nil.
	before *loop
	// forced is why the target must not be scraped.
	forced atomic.Pointer[error]

	// size is that of the last page, last when the last scrape was.
	size   int
	last   time.Time
	health health
}

// shared is what the loops of a manager have in common.
type shared struct {
	Settings
	seed atomic.Uint64
	// ctx is that of scrapes, deliver that of passing batches on, which outlives it.
	ctx, deliver context.Context
	running      sync.WaitGroup
	// network is how tests have their own.
	network []promcommon.HTTPClientOption
}

func newLoop(t *target, s *shared) *loop {
	return &loop{
		target: t, shared: s,
		stopping: make(chan struct{}), adopted: make(chan struct{}), done: make(chan struct{}),
	}
}

// stop ends scraping after the scrape under way. It may be called twice.
func (l *loop) stop() { l.stopOnce.Do(func() { close(l.stopping) }) }

// adopt ends the wait for the end-of-run markers: another loop goes on with the cache.
func (l *loop) adopt() { l.adoptOnce.Do(func() { close(l.adopted) }) }

// run is the life of the loop. Source: scrapeLoop.run of prometheus/prometheus.
func (l *loop) run() {
	defer l.shared.running.Done()
	defer close(l.done)
	l.takeOver()
	ticker := time.NewTicker(l.interval)
	defer ticker.Stop()
	l.scrapeAll(ticker)
	if l.shared.ctx.Err() != nil {
		if l.shared.OnShutdown && !l.retired() {
			l.scrape(l.shared.deliver, time.Now())
		}
		return
	}
	if !l.last.IsZero() {
		l.endOfRun(ticker)
	}
}

// takeOver goes on where another loop has ended, or begins.
func (l *loop) takeOver() {
	page := l.page
	page.Scope, page.Version = l.shared.Scope, l.shared.Version
	if l.before != nil {
		<-l.before.done
		l.cache, l.size, l.last = l.before.cache, l.before.size, l.before.last
		l.before.cache, l.before = nil, nil
	}
	if l.cache == nil {
		l.cache = promotlp.New(page, l.options)
	} else {
		l.cache.Reconfigure(page, l.options)
	}
}

// scrapeAll scrapes until the loop is stopped.
func (l *loop) scrapeAll(ticker *time.Ticker) {
	if !l.sleep(l.shared.InitialOffset + l.offset(time.Now(), l.shared.seed.Load())) {
		return
	}
	ticker.Reset(l.interval)
	aligned := time.Now().Round(0)
	for !l.stopped() {
		var at time.Time
		at, aligned = l.align(time.Now().Round(0), aligned)
		l.last = at
		l.scrape(l.shared.ctx, at)
		select {
		case <-l.stopping:
		case <-l.shared.ctx.Done():
		case <-ticker.C:
		}
	}
}

// over reports whether the loop has ended.
func (l *loop) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// retired reports whether the target is gone, or another loop has it.
func (l *loop) retired() bool {
	select {
	case <-l.stopping:
		return true
	default:
		return false
	}
}

func (l *loop) stopped() bool { return l.retired() || l.shared.ctx.Err() != nil }

// tolerance is how late a scrape may be for its time to count as the one it was due at: equal distances take less room
// in a TSDB. Source: ScrapeTimestampTolerance of prometheus/prometheus.
const tolerance = 2 * time.Millisecond

func (l *loop) align(now, aligned time.Time) (at, next time.Time) {
	for now.Sub(aligned) >= l.interval {
		aligned = aligned.Add(l.interval)
	}
	if now.Sub(aligned) <= min(l.interval/100, tolerance) {
		return aligned, aligned
	}
	return now, aligned
}

func (l *loop) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.stopping:
		return false
	case <-l.shared.ctx.Done():
		return false
	}
}

// endOfRun writes staleness markers for the time of the next scrape, once it is sure that there is none: after two more
// intervals and a tenth. There are none if another loop goes on, here or elsewhere, or if the process ends.
func (l *loop) endOfRun(ticker *time.Ticker) {
	if !l.await(ticker.C) {
		return
	}
	at := time.Now()
	if !l.await(ticker.C) || !l.await(time.After(l.interval/10)) {
		return
	}
	if elsewhere := l.shared.Elsewhere; elsewhere != nil && elsewhere(l.shared.ctx, l.job, l.discovered) {
		return
	}
	_ = l.deliver(l.cache.End(at)) // there is no next time
	l.cache = nil
}

func (l *loop) await(c <-chan time.Time) bool {
	select {
	case <-c:
		return true
	case <-l.adopted:
		return false
	case <-l.shared.ctx.Done():
		return false
	}
}

// scrape gets a page and passes on what is to be told.
func (l *loop) scrape(ctx context.Context, at time.Time) {
	begin := time.Now()
	r := promotlp.Report{At: at}
	outcome, err := l.get(ctx, at, &r)
	if err != nil && ctx.Err() != nil {
		l.cache.Cancel()
		l.observe(Scraped{Outcome: Cancelled, Duration: time.Since(begin)})
		return
	}
	r.Up, r.Duration = err == nil, time.Since(begin)
	refused := errors.Join(l.deliverCollected(), l.deliver(l.cache.Batch(r)))
	if refused != nil && err == nil {
		outcome = Refused
	}
	l.report(at, r.Duration, outcome, err)
	l.observe(Scraped{Outcome: outcome, Duration: r.Duration, Counts: l.cache.Counts()})
}

// get gets the page and reads it. Whatever comes of it, a batch of the cache is to follow.
func (l *loop) get(ctx context.Context, at time.Time, r *promotlp.Report) (Outcome, error) {
	if forced := l.forced.Load(); forced != nil {
		l.cache.Fail()
		return TargetLimit, *forced
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	body, err := newBody(ctx, l.shared.Budget, l.size)
	if err != nil {
		l.cache.Fail()
		return NoMemory, err
	}
	defer body.Release()
	contentType, err := l.getter.Fetch(ctx, body)
	if err != nil {
		l.cache.Fail()
		l.logFailure(err)
		if errors.Is(err, ErrTooLarge) {
			r.Bytes = -1
		}
		if errors.Is(err, ErrNoMemory) {
			l.size = 2 * len(body.Bytes())
		}
		return outcomeOf(err), err
	}
	if n := len(body.Bytes()); n > 0 {
		l.size, r.Bytes = n, n
	}
	if err := l.cache.Read(body.Bytes(), contentType, at); err != nil {
		return outcomeOfPage(err), err
	}
	return OK, nil
}

// deliverCollected passes on what a collection has returned.
func (l *loop) deliverCollected() error {
	c, ok := l.getter.(*collected)
	if !ok || c.metrics == (pmetric.Metrics{}) {
		return nil
	}
	md := c.metrics
	c.metrics = pmetric.Metrics{}
	l.cache.Collected(md.DataPointCount())
	return l.shared.Consume(l.shared.deliver, md)
}

func (l *loop) deliver(md pmetric.Metrics) error {
	err := l.shared.Consume(l.shared.deliver, md)
	if err != nil {
		l.log.Debug("a batch was refused", zap.Error(err))
	}
	l.cache.Delivered(err)
	return err
}

func (l *loop) observe(s Scraped) {
	s.Job = l.job
	if l.shared.Observer.Scraped != nil {
		l.shared.Observer.Scraped(l.shared.deliver, s)
	}
}

// logFailure writes to scrape_failure_log_file.
func (l *loop) logFailure(err error) {
	if l.failures != nil {
		l.failures.Error(err.Error(), "target", l.redactedURL())
	}
}
