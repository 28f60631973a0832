// Package scrape gets pages from targets as Prometheus does: the same requests, the same limits, the same failures.
package scrape
