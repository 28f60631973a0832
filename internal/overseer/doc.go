// Package overseer wraps the factories of a distribution's components, so that what passes between components of metrics
// pipelines is booked in a ledger, and so that a component of any signal whose Shutdown hangs is left behind and the others can stop.
//
// It sits where the collector gives components to each other, and nowhere in them:
//
//	receiver ─▶ [accepted] ─▶ [taken] processor [passed] ─▶ [taken] exporter [confirmed]
package overseer
