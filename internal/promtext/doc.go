// Package promtext reads the text formats of Prometheus: text 0.0.4 and 1.0.0, and OpenMetrics 1.0.
//
// A Parser goes through a page line by line and hands out pieces of it; it copies nothing, and allocates nothing but the
// labels that somebody asks for. It accepts what Prometheus' own parsers accept, which is more than the standards allow,
// and refuses what they refuse, with the number of the line.
package promtext
