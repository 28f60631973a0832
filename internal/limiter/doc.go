// Package limiter keeps books on what a server lets in: token buckets of requests and bytes, for all clients or one per
// key, and what is in flight.
//
// Bytes are charged when they have come, which may leave a bucket in debt: nobody knows beforehand how long a request is.
// Nothing is let in while a bucket is in debt, or while what was let in is expected to use all it has. So the rate holds in
// the long run, and a debt is never larger than the burst.
//
// No goroutine, no timer: time comes from the callers.
package limiter
