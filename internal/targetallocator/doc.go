// Package targetallocator asks a target allocator what to scrape: a server that discovers targets for a group of
// collectors and gives each target to one of them. The protocol is that of the OpenTelemetry operator's allocator:
//
//	GET {endpoint}/scrape_configs                           all jobs, a map of name to scrape_config
//	GET {endpoint}/jobs/{job}/targets?collector_id={id}     targets of one collector, as http_sd has them
//	GET {endpoint}/jobs/{job}/targets                       targets of all collectors, a map of collector to list
//
// The package asks, reads and checks; it runs nothing in the background. Who calls it says how often.
package targetallocator
