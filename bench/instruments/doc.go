// Package instruments has the instruments of Sluice's package metrics beside those of client_golang, OTel's SDK and
// VictoriaMetrics/metrics, in one run:
//
//	go test -run '^$' -bench . -cpu 1,2,4,8 ./instruments
//
// Compare lines of one run only, and on a quiet machine. What costs no time, allocations and memory, is guarded in
// package metrics itself.
package instruments
