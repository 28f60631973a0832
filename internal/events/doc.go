// Package events turns metrics into events: a series is there for the first time, has another value, has crossed a bound, is
// gone. Hooks are told, by internal/dispatch.
//
//	Publish(batch) ─▶ scope ─▶ metric ─▶ series ─▶ event ─▶ hook's lane
//	                           │         └ record: last value, the hooks that match, states of thresholds
//	                           └ in the order of the last batch, with its verdict: no hook, these hooks, or ask each series
//
// Which hooks match depends on identity only, so it is found out once per metric, or once per series where a condition reads
// the attributes of points, and remembered. A metric that no hook is for costs a comparison of its name; its points are not
// looked at. What an event says of a series is rendered once, when the series is first seen, and never changes after that:
// nothing of a batch is kept.
//
// The memory of series is bounded and forgets those that have not come for a while, which is an event, too.
package events
