// Package inprocess holds Go benchmarks of our components beside the contrib components that do the same work: same pin,
// same input, same process, same run. A benchmark is called
//
//	Benchmark<Subject>/<case>/impl=<sluice or contrib>
//
// and reports ns/point or ns/series, and the same of CPU time, beside time and allocations. Only ratios between the two sides of one run mean
// anything; nothing here fails because of a ratio. Tests in this package prove that both sides do the same work, and
// guard promises about allocations, which do not depend on the machine.
//
// Both sides are made by their factories and measured whole: with processorhelper or exporterhelper around them, a meter
// provider that records, and for scrapes a real HTTP server and client. What only prepares input runs with the timer
// stopped, and takes longer than the cheapest cases, so that a long -benchtime takes very long: rather repeat a short one,
// which also alternates the sides and tells how much they spread. With -short only the small sizes run.
//
//	go test ./inprocess -run '^$' -bench . -short -benchtime 100ms
package inprocess
