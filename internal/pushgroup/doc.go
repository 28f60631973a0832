// Package pushgroup keeps the groups of a Pushgateway as the metrics it is sent say.
//
//	Add ─▶ group by resource ─▶ its store ─▶ marked ─▶ its turn ─▶ rendered ─▶ PUT ─▶ 200
//	                                           ▲                                │
//	                                           └── 5xx, no answer: later ◀──────┤
//	                              400: the families refused are found ◀─────────┘
//
// A group is a store and a mark that it has changed. There is no queue: what is sent is rendered when a group's turn
// comes, so it is always the latest state, all of it, and a slow gateway makes pushes rarer but never older. One request
// at a time is under way for a group, and it has at most one turn in an interval.
//
// A group that had series is owned: when nothing is left in it, or nothing came for too long, it is deleted from the
// gateway, which by itself forgets nothing. Two engines that push the same group overwrite each other; nothing on the wire
// tells them.
package pushgroup
