// Package dispatch delivers events to those who want them, in the order of their priorities and apart from whoever
// publishes.
//
//	Push ──▶ Lane (bounded, one per receiver, in order) ──▶ worker ──▶ Deliver
//	         critical ▲ high ▲ normal ▲ low
//
// A lane is served by one worker at a time, so that its events arrive in the order of Push. While an event of a higher
// priority waits to be delivered, no delivery of a lower one begins, with one exception: who takes long. A delivery that
// has lasted for Options.Patience no longer occupies one of the workers, nor does what waits behind it hold back others,
// until the lane is quick again. So there are never more goroutines than workers and lanes, and a receiver that hangs,
// fails or panics costs others Patience, once.
//
// Every event that is pushed is delivered, is dropped for a reason that is counted, or still waits.
package dispatch
