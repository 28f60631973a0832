package scenario

import (
	"context"

	"github.com/sluice-metrics/sluice/bench/conf"
)

// Subject is a program under test.
type Subject struct {
	Name string // sluice, contrib, vmagent or prometheus: the folder of its configurations
	Path string
}

// The subjects that ratios are made of.
const (
	Sluice  = "sluice"
	Contrib = "contrib"
)

// Better says which way a measure is good.
type Better int

// A measure that says how much was done is neither.
const (
	Lower Better = iota
	Higher
	Neither
)

// Value is one measurement.
type Value struct {
	Measure string
	Unit    string
	Better  Better
	V       float64
	Note    string // a qualification the number needs, such as that the process was killed
}

// Case is one row of work. Every subject that has its configurations is given it.
type Case struct {
	Scenario string   // S1..S6, or Process
	Name     string   // tells the cases of a scenario apart
	Series   int      // Prometheus series, where cost against their number is of interest
	confs    []string // configurations a subject needs for it
	memory   int64    // bytes that must be free, or the case is left out
	once     bool     // one round will do: what it shows does not vary
	run      func(ctx context.Context, r *run) ([]Value, error)
}

// Has tells whether the subject can be given the case.
func (c *Case) Has(subject string) bool {
	for _, name := range c.confs {
		if !conf.Has(subject, name) {
			return false
		}
	}
	return true
}

// About tells in a sentence or two what each scenario measures.
var About = map[string]string{
	"Process": "What a process costs before it does anything: the size of the program, the time from exec to the first connection that its OTLP port accepts, and CPU and memory with OTLP to nop and no client.",
	"S1":      "Scraping: simulated targets with gzip pages, to nop, or to a remote-write sink (the row that other agents can be in). CPU of the process per sample scraped.",
	"S2":      "OTLP in over gRPC, a page for Prometheus out. Ingest is CPU per data point, for series never seen before and for known ones; a scrape is one GET of the whole page, timed to its last byte. 2 % of the points are histograms of 14 series, so 1,000 points make 1,260 series.",
	"S3":      "OTLP in, two filter conditions and four transform statements, or 20 rules of one condition or statement in turn, nop out; seven attributes a point. The cost of processing is what the same load costs more than with nop alone, in the same round.",
	"S4":      "All of it: scrape, filter, transform, page, while the page is scraped too.",
	"S5":      "SIGTERM while points are queued and the downstream is dead, slow or hangs. Lost is what clients were told is accepted and never arrived; reported is the share of that which the process's log owns up to.",
	"S6":      "More OTLP than the downstream takes, under memory_limiter with 512 MiB. CPU per refused request is all CPU of the process over the refusals.",
}
