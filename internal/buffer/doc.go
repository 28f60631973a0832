// Package buffer holds batches of metrics between who sends them and who takes them: in memory first, then on disk, in
// order, within bounds. It knows pdata and internal/spill, and nothing of components.
//
//	Add ─▶ split by stream, and into pieces of a batch at most
//	         │
//	         ▼ each stream has a lane; a piece gets the next number of its lane
//	  lane:  [flying] [7 memory] [8 disk] [9 disk] [10 memory] ... ◀─ new pieces
//	         │
//	         ▼ lowest number first, merged into batches, one batch of a lane at a time
//	       deliver ─▶ taken, tried again, dropped with a reason, or set aside
//
// A piece stays in memory unless that would pass the threshold; then it is written to the log. Numbers alone decide what is
// next, so that nothing new overtakes what is on disk. Lanes do not wait for each other: a batch from disk that is refused
// is let go and read again later, and where deliveries hang there are more of them, up to MaxWorkers.
//
// # What is in memory
//
// MemoryBytes is at most MaxBytes and one batch from disk, which is let in even if memory is full. Beside it, each batch that
// flies to a taker who may change it is kept as protobuf, a quarter of its heap.
//
// # What an answer of Add means
//
// Without Options.Persisted: the metrics are in memory or on disk, and are lost with the process as far as they are in
// memory. With it: they are delivered, or on disk (what that survives is said in package spill), or refused.
//
// # What is counted
//
//	accepted + recovered = delivered + memory + disk + dropped, by reason + returned
//
// where returned is what was accepted and then given back to its sender with an error. Each count is of data points. What is
// delivered twice, after a crash or because a taker failed behind half of a batch, is delivered once in these books.
package buffer
