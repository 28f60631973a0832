// Package drain is a collector's way to its end: what is waited for, for how long, and what is reported.
//
//	signal ─▶ lame duck ─▶ flush ─▶ receivers ─▶ processors ─▶ exporters ─▶ shutdowners ─▶ cleanup ─▶ report
//	not ready at once       tasks    stop, each within the time it has                tasks
//
// Process is shared by the entry point, which owns the signals and the deadline, and by a Run, which is the life of one
// configuration: a reload ends a Run, and not the process. Only a Process that was told to begin pays for a lame duck.
package drain
