// Package rules runs an ordered list of OTTL rules over a batch of metrics.
//
// A rule drops what matches, keeps only what matches, or transforms. Compile parses every condition and statement once,
// with contrib's pkg/ottl, and Program.Run applies the rules one after the other, each over the whole batch:
//
//	Rule --Compile--> stage (filter | transform)
//	Program.Run(batch): stage 0 over the batch, stage 1 over what is left, ...  ->  one Counts per rule
//
// Each condition runs at the context its paths infer: resource, scope, metric or datapoint. The statements of one
// transform rule form one group with one inferred context, the deepest any of them names.
//
// The package knows nothing of collector components: the OTTL functions on offer are the caller's to choose, and what a
// rule did is returned as plain counts.
package rules
