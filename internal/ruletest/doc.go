// Package ruletest tests rules without a collector: a file names rules, metrics and what must become of them.
//
//	file ─▶ inputs: exposition text, read as a scrape would, or OTLP JSON ─▶ Rules ─▶ outcome ─▶ compared, or printed
//
// An outcome as text is a page in the exposition format, a sample of a histogram's bucket for each bucket and so on, with
// comments for what such a page has no room for. What is printed reads back as what is expected.
//
// The package knows nothing of collector components: where rules come from is the caller's to say (Loader).
package ruletest
