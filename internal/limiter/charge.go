package limiter

import "time"

// Charge is what one request owes to a bucket. The zero Charge owes nothing. It belongs to one request: it is not
// safe for concurrent use.
type Charge struct {
	bucket  *Bucket
	pending int64
}

// Add charges bytes that have come. If they would leave the bucket with a debt of more than its burst, they are not charged:
// Add tells so, and how long the debt lasts.
func (c *Charge) Add(now time.Time, bytes int64) (Limit, time.Duration) {
	b := c.bucket
	if b == nil || b.bytes == nil || bytes <= 0 {
		return None, 0
	}
	b.taking.Lock()
	defer b.taking.Unlock()
	now = b.at(now)
	burst := int64(b.bytes.Burst())
	if have := b.bytes.TokensAt(now); have-float64(bytes) < -float64(burst) {
		return Bytes, b.limits.Bytes.After(1 - have)
	}
	for rest := bytes; rest > 0; rest -= burst {
		b.bytes.ReserveN(now, int(min(rest, burst)))
	}
	settled := min(bytes, c.pending)
	c.pending -= settled
	b.pending.Add(-settled)
	return None, 0
}

// Most is that of the bucket.
func (c *Charge) Most() int64 { return c.bucket.Most() }

// Arrived tells that the request is here: nothing more is expected of it.
func (c *Charge) Arrived() {
	if c.pending > 0 {
		c.bucket.pending.Add(-c.pending)
		c.pending = 0
	}
}

// Return ends a request that another bucket has refused: its token is given back. What has come of it stays charged.
func (c *Charge) Return(now time.Time) {
	if b := c.bucket; b != nil && b.requests != nil {
		b.taking.Lock()
		b.requests.AllowN(b.at(now), -1)
		b.taking.Unlock()
	}
	c.Close()
}

// Close ends the request. It may be called again.
func (c *Charge) Close() {
	c.Arrived()
	*c = Charge{}
}
