// Package ledger keeps the books of metric points while a collector runs: what its receivers accepted is delivered,
// stored, removed on purpose or lost.
//
//	clients ─▶ receiver ─▶ processors ─▶ exporter ─▶ backend
//	          accepted      removed       taken      delivered      what is taken and neither delivered nor stored is lost
//
// A processor may hold points, too, in memory and in a storage, and says so itself (Holder).
//
// It is told what passes between components, and counts nothing twice: what a component refuses stays with whoever sent
// it. What only an exporter knows, that a backend confirmed points or that it gave up on them, is read from the counters
// of its exporterhelper (Tee). Nothing here reads a clock or the network.
package ledger
