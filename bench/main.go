// Program bench measures Sluice beside a collector of contrib's components, and writes docs/performance.md.
//
// Run it in its folder: `go run . -short`. It starts the programs it is given on free loopback ports, one at a time,
// and ends them all when it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-metrics/sluice/bench/internal/proc"
	"github.com/sluice-metrics/sluice/bench/internal/report"
	"github.com/sluice-metrics/sluice/bench/internal/scenario"
)

const (
	defaultContrib = ".peer/otelcol-peer"
	defaultOut     = "../docs/performance.md"
	inProcess      = "inprocess"
)

func main() {
	// The first signal ends the run and its processes; the second one the bench.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if err := proc.Supported(); err != nil {
		return err
	}
	subjects, err := o.subjects()
	if err != nil {
		return err
	}
	b := bench{options: o, start: time.Now(), plan: o.plan()}
	return b.run(ctx, subjects)
}

// bench is one run of the program.
type bench struct {
	*options
	plan  scenario.Plan
	start time.Time
}

func (b *bench) run(ctx context.Context, subjects []scenario.Subject) error {
	runner := scenario.Runner{Plan: b.plan, Subjects: subjects, Progress: b.progress}
	results, failed := runner.Run(ctx)
	doc := report.Document{
		Command: b.command(), Plan: b.plan.Name, Date: b.start, Machine: report.ThisMachine(),
		Sections: report.WholeProcess(results, names(subjects)),
	}
	if b.wantsInProcess() && ctx.Err() == nil {
		section, err := b.inProcess(ctx)
		failed = errors.Join(failed, err)
		doc.Sections = append(doc.Sections, section)
	}
	doc.Took = time.Since(b.start)
	fmt.Println(doc.Text())
	if ctx.Err() != nil {
		return errors.New("interrupted: nothing was written")
	}
	if b.out == "" {
		return failed
	}
	return errors.Join(failed, b.write(doc))
}

// write writes the document, and its pictures into the folder beside it that has its name.
func (b *bench) write(doc report.Document) error {
	pictures := strings.TrimSuffix(b.out, filepath.Ext(b.out))
	if err := os.MkdirAll(pictures, 0o755); err != nil { //nolint:gosec // part of the repository
		return err
	}
	for _, s := range doc.Sections {
		for _, c := range s.Charts {
			if err := os.WriteFile(filepath.Join(pictures, c.File), c.SVG, 0o644); err != nil { //nolint:gosec // part of the repository
				return err
			}
		}
	}
	b.progress("writing %s", b.out)
	return os.WriteFile(b.out, doc.Markdown(filepath.Base(pictures)), 0o644) //nolint:gosec // part of the repository
}

// progress writes a line with the time since the start.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6s  %s\n", time.Since(b.start).Round(time.Second), fmt.Sprintf(format, args...))
}

func names(subjects []scenario.Subject) []string {
	var out []string
	for _, s := range subjects {
		out = append(out, s.Name)
	}
	if !slices.Contains(out, scenario.Contrib) {
		out = append(out, scenario.Contrib)
	}
	return out
}
