// Package scenario runs whole processes side by side: each case puts the same work on every subject, one after the
// other in the same round, and measures what it took.
package scenario
