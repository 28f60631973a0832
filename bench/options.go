package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluice-metrics/sluice/bench/internal/scenario"
)

// options are the command line.
type options struct {
	full, smoke                         bool
	only                                []string
	sluice, contrib, vmagent, promAgent string
	out                                 string
	rounds                              int
}

func parse(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	short := flags.Bool("short", false, "ratios in 5 minutes (the default)")
	flags.BoolVar(&o.full, "full", false, "all sizes, in 30 minutes")
	flags.BoolVar(&o.smoke, "smoke", false, "prove in seconds that everything runs; writes nothing")
	only := flags.String("only", "", "scenarios to run, such as S2,S3,inprocess or Process; then nothing is written without -out")
	flags.StringVar(&o.sluice, "sluice", "../bin/sluice", "the Sluice to measure")
	flags.StringVar(&o.contrib, "contrib", defaultContrib, "the contrib collector to compare with; left out if the default is not there")
	flags.StringVar(&o.vmagent, "vmagent", "", "a vmagent to compare with")
	flags.StringVar(&o.promAgent, "prometheus", "", "a Prometheus to compare with, as agent")
	flags.StringVar(&o.out, "out", defaultOut, "the document to write; its pictures go into the folder of that name")
	flags.IntVar(&o.rounds, "repeats", 0, "rounds at most; 0 means the plan's")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("what is %q?", flags.Arg(0))
	}
	if count(*short, o.full, o.smoke) > 1 {
		return nil, errors.New("-short, -full and -smoke exclude each other")
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if (o.smoke || *only != "") && !given["out"] {
		o.out = ""
	}
	return o, nil
}

// plan returns what to run.
func (o *options) plan() scenario.Plan {
	p := scenario.Short()
	switch {
	case o.full:
		p = scenario.Full()
	case o.smoke:
		p = scenario.Smoke()
	}
	if o.rounds > 0 {
		p.Rounds = o.rounds
	}
	p.Only(o.only)
	return p
}

// subjects returns the programs to measure, Sluice first. A program that was asked for and is not there is an error.
func (o *options) subjects() ([]scenario.Subject, error) {
	if _, err := os.Stat(o.contrib); err != nil && o.contrib == defaultContrib { //nolint:gosec // the command line names programs
		o.contrib = ""
	}
	var out []scenario.Subject
	for _, s := range []scenario.Subject{
		{Name: scenario.Sluice, Path: o.sluice},
		{Name: scenario.Contrib, Path: o.contrib},
		{Name: "vmagent", Path: o.vmagent},
		{Name: "prometheus", Path: o.promAgent},
	} {
		if s.Path == "" {
			continue
		}
		if _, err := os.Stat(s.Path); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		path, err := filepath.Abs(s.Path)
		if err != nil {
			return nil, err
		}
		s.Path = path
		out = append(out, s)
	}
	return out, nil
}

// command returns how to run the same again, without the paths of this machine.
func (o *options) command() string {
	mode := "-short"
	switch {
	case o.full:
		mode = "-full"
	case o.smoke:
		mode = "-smoke"
	}
	c := "cd bench && go run . " + mode
	if len(o.only) > 0 {
		c += " -only " + strings.Join(o.only, ",")
	}
	if o.rounds > 0 {
		c += fmt.Sprintf(" -repeats %d", o.rounds)
	}
	return c
}

func count(of ...bool) int {
	n := 0
	for _, b := range of {
		if b {
			n++
		}
	}
	return n
}
