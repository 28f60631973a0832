package scrape

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	promcommon "github.com/prometheus/common/config"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/otlp"
	"github.com/sluice-metrics/sluice/internal/promotlp"
	"github.com/sluice-metrics/sluice/internal/turnstile"
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
	// life ends with the loop's last turn, before its last scrape does.
	life context.Context
	end  context.CancelFunc
	// before is the loop whose cache this one takes over, or nil.
	before *loop
	// forced is why the target must not be scraped.
	forced atomic.Pointer[error]

	// size is that of the last page, last when the last scrape was.
	size   int
	last   time.Time
	health health
	// ticks come once an interval, the last one at aligned.
	ticks   <-chan time.Time
	aligned time.Time
	// told is the time of the last batch.
	told time.Time

	gate  *gate
	share *share
	guard
}

// shared is what the loops of a manager have in common.
type shared struct {
	Settings
	seed atomic.Uint64
	// ctx is that of scrapes, deliver that of passing batches on, which outlives it.
	ctx, deliver context.Context
	running      sync.WaitGroup

	// limiter, turnstile and pressure are nil if there is no bound.
	bucket    *bucket
	turnstile *turnstile.Turnstile
	pressure  *pressure
	skipLog   skipLog
	// network is how tests have their own.
	network []promcommon.HTTPClientOption
	wrap    func(http.RoundTripper) http.RoundTripper
}

func newLoop(t *target, s *shared, g *gate) *loop {
	l := &loop{
		target: t, shared: s,
		stopping: make(chan struct{}), adopted: make(chan struct{}), done: make(chan struct{}),
		gate: g, share: g.quota.join(t), guard: newGuard(g, t),
	}
	l.life, l.end = context.WithCancel(s.ctx)
	return l
}

// stop ends scraping after the scrape under way. It may be called twice.
func (l *loop) stop() {
	l.stopOnce.Do(func() {
		close(l.stopping)
		l.end()
		l.gate.quota.leave(l.share)
	})
}

// adopt ends the wait for the end-of-run markers: another loop goes on with the cache.
func (l *loop) adopt() { l.adoptOnce.Do(func() { close(l.adopted) }) }

// run is the life of the loop. Source: scrapeLoop.run of prometheus/prometheus.
func (l *loop) run() {
	defer l.shared.running.Done()
	defer close(l.done)
	defer l.end()
	l.takeOver()
	ticker := time.NewTicker(l.interval)
	defer ticker.Stop()
	l.scrapeAll(ticker)
	if l.shared.ctx.Err() != nil {
		if l.shared.OnShutdown && !l.retired() {
			l.lastTurn()
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
		l.cache, l.size, l.last, l.told = l.before.cache, l.before.size, l.before.last, l.before.told
		l.inherit(l.before)
		l.before.cache, l.before = nil, nil
	}
	if l.cache == nil {
		l.cache = promotlp.New(page, l.options)
	} else {
		l.cache.Reconfigure(page, l.options)
	}
}

// inherit takes over what another loop has learnt of the target, and of the same address how it is to be treated.
func (l *loop) inherit(before *loop) {
	l.samples = before.samples
	l.gate.quota.inherit(l.share, before.share)
	l.health.inherit(&before.health)
	l.health.mu.Lock() // who asks for the state reads the guard
	defer l.health.mu.Unlock()
	if before.url == l.url {
		l.guard = before.guard
	}
}

// scrapeAll scrapes until the loop is stopped.
func (l *loop) scrapeAll(ticker *time.Ticker) {
	begin := time.Now()
	first := l.shared.InitialOffset + l.offset(begin, l.shared.seed.Load())
	l.health.plan(begin.Add(first))
	if !l.sleep(first) {
		return
	}
	ticker.Reset(l.interval)
	l.ticks, l.aligned = ticker.C, time.Now().Round(0)
	for !l.stopped() {
		l.last = l.tick()
		l.turn(l.last)
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

// tick is the time of the turn that is now.
func (l *loop) tick() (at time.Time) {
	at, l.aligned = l.align(time.Now().Round(0), l.aligned)
	l.health.plan(at.Add(l.interval))
	return at
}

// later makes the times of batches rise by the precision they have: who waits may be let in when the next turn comes.
func (l *loop) later(at time.Time) time.Time {
	if at.UnixMilli() <= l.told.UnixMilli() {
		at = l.told.Add(time.Millisecond)
	}
	l.told = at
	return at
}

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
	_ = l.deliver(at, l.cache.End(at)) // there is no next time
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
	at = l.later(at)
	r := promotlp.Report{At: at}
	outcome, err := l.get(ctx, at, &r)
	if err != nil && ctx.Err() != nil {
		l.cache.Cancel()
		l.judge(Cancelled, err)
		l.observe(Scraped{Outcome: Cancelled, Duration: time.Since(begin)})
		return
	}
	r.Up, r.Duration = err == nil, time.Since(begin)
	parts := append(l.takeCollected(), l.cache.Batches(r, l.shared.Protection.BatchSize)...)
	if err == nil && !l.fits(at) {
		l.leaveOut(at, r)
		return
	}
	refused := l.deliver(at, parts...)
	l.judge(outcome, err)
	if refused != nil && err == nil {
		outcome = Refused
	}
	l.report(at, r.Duration, outcome, err)
	l.observe(Scraped{Outcome: outcome, Duration: r.Duration, Counts: l.cache.Counts()})
}

// fits reports whether the page is within the budget of the job.
func (l *loop) fits(at time.Time) bool {
	l.samples = l.cache.Counts().Kept
	return l.gate.quota.saw(l.share, l.samples, at)
}

// errOverBudget is why a page was not passed on.
var errOverBudget = errors.New("the job's sample_budget has no room for the page")

// leaveOut is for a page that is larger than was to be expected. All that is told is `up`.
func (l *loop) leaveOut(at time.Time, r promotlp.Report) {
	l.cache.Delivered(errOverBudget)
	l.judge(OK, nil)
	l.report(at, r.Duration, OK, nil)
	l.observe(Scraped{Outcome: OverBudget, Duration: r.Duration, Counts: l.cache.Counts()})
	l.skip(at, SkipBudget)
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

// takeCollected returns what a collection has returned, in parts.
func (l *loop) takeCollected() []pmetric.Metrics {
	c, ok := l.getter.(*collected)
	if !ok || c.metrics == (pmetric.Metrics{}) {
		return nil
	}
	md := c.metrics
	c.metrics = pmetric.Metrics{}
	l.cache.Collected(md.DataPointCount())
	if l.shared.Protection.BatchSize > 0 && md.IsReadOnly() {
		own := pmetric.NewMetrics()
		md.CopyTo(own)
		md = own
	}
	return otlp.Split(md, l.shared.Protection.BatchSize)
}

// deliver passes the parts of a batch on, each whatever becomes of the others. They share the time that the pipeline may
// take.
func (l *loop) deliver(at time.Time, parts ...pmetric.Metrics) error {
	var errs []error
	for _, md := range parts {
		errs = append(errs, l.shared.pressure.offer(
			l.shared.deliver, md, l.interval/time.Duration(len(parts)), at.Add(l.interval), l.shared.Consume))
	}
	err := errors.Join(errs...)
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
