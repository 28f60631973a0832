package guardextension

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sluice-metrics/sluice/internal/limiter"
)

// call is a gRPC request, and the context that it is served with.
//
// It holds a place from the tap on until whoever serves it is done, or until its stream ends before anybody serves it.
type call struct {
	context.Context //nolint:containedctx // it is one: a value more, without a second allocation

	server *server
	cancel context.CancelFunc // ends the wait for the message
	unhook func() bool        // from the end of the stream
	timer  *time.Timer        // of in_flight::receive_timeout; nil if there is none

	mu        sync.Mutex
	admission admission
	// served is from begin to end; came is when a message has come; late is when none came in time.
	served, came, late bool
	// size is that of the latest message that came.
	size int64
	// again is the place of one that is served although its stream has ended.
	again limiter.Slot
}

type callKey struct{}

func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// Err tells a client that was too slow that it was.
func (c *call) Err() error {
	err := c.Context.Err()
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late {
		return context.DeadlineExceeded
	}
	return err
}

// watch makes ctx, that of the stream, the parent of c.
func (c *call) watch(ctx context.Context, timeout time.Duration) {
	c.Context, c.cancel = context.WithCancel(ctx)
	if timeout > 0 {
		c.timer = time.AfterFunc(timeout, c.expire)
	}
	c.unhook = context.AfterFunc(ctx, c.abandon)
}

func (c *call) expire() {
	c.mu.Lock()
	late := !c.came
	c.late = late
	c.mu.Unlock()
	if late {
		c.cancel()
	}
}

// abandon is for a stream that ended before anybody served it.
func (c *call) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.served {
		c.close()
	}
}

// begin is when somebody serves it. If the stream has ended just before, it takes a place again, for it is read anyway.
func (c *call) begin() {
	c.unhook()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served = true
	if c.admission.server == nil {
		c.server.inFlight.Force(&c.again, 0)
	}
}

// arrive notes a message that was decoded.
func (c *call) arrive(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.came, c.size = true, bytes
	if c.timer != nil {
		c.timer.Stop()
	}
}

var errEnded = status.Error(codes.Canceled, "guard: the stream has ended")

// correct makes room for the message that came last, and charges it.
func (c *call) correct(now time.Time, key *limiter.Bucket) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &c.admission
	if a.server == nil {
		return errEnded
	}
	a.read, a.charged = c.size, 0
	if no := a.arrived(now, key); no.reason != admitted {
		return no.err()
	}
	return nil
}

func (c *call) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close()
	c.again.Leave()
}

// close gives back what the call holds. It may be called again.
func (c *call) close() {
	switch a := &c.admission; {
	case c.late:
		a.outcome = receiveTimeout
	case !c.came && a.outcome == admitted:
		a.outcome = abandoned
	}
	c.admission.close()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.cancel()
}
