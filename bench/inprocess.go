package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/sluice-metrics/sluice/bench/internal/report"
)

// wantsInProcess tells whether the Go benchmarks belong to the run.
func (b *bench) wantsInProcess() bool {
	return b.plan.InProcess.Budget > 0 && (len(b.only) == 0 || slices.Contains(b.only, inProcess))
}

// inProcess runs the Go benchmarks of the folder inprocess until they or their budget end.
func (b *bench) inProcess(ctx context.Context) (report.Section, error) {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return report.InProcess(nil), err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // scratch
	program := filepath.Join(dir, "inprocess.test")
	b.progress("compiling the Go benchmarks")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./inprocess").CombinedOutput(); err != nil { //nolint:gosec // our own package
		return report.InProcess(nil, "They do not compile."), fmt.Errorf("go test -c ./inprocess: %w\n%s", err, out)
	}
	return b.benchmarks(ctx, program)
}

func (b *bench) benchmarks(ctx context.Context, program string) (report.Section, error) {
	p := b.plan.InProcess
	timed, cancel := context.WithTimeout(ctx, p.Budget)
	defer cancel()
	cmd := exec.CommandContext(timed, program, "-test.run=^$", "-test.bench=.", "-test.benchmem", //nolint:gosec // what was just compiled
		"-test.benchtime="+p.BenchTime, "-test.count="+strconv.Itoa(p.Count), "-test.short="+strconv.FormatBool(p.Short))
	cmd.Dir, cmd.Stderr = "inprocess", os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return report.InProcess(nil), err
	}
	if err := cmd.Start(); err != nil {
		return report.InProcess(nil), err
	}
	benchmarks, err := b.collect(out)
	waited := cmd.Wait()
	var notes []string
	switch {
	case err != nil:
	case timed.Err() != nil && ctx.Err() == nil:
		notes = append(notes, fmt.Sprintf("Ended at its budget of %s; what would have come after is left out.", p.Budget))
	default:
		err = waited
	}
	return report.InProcess(benchmarks, notes...), err
}

func (b *bench) collect(out io.Reader) ([]report.Benchmark, error) {
	var all []report.Benchmark
	last := ""
	err := report.ParseBenchmarks(out, func(x report.Benchmark) {
		all = append(all, x)
		if name := x.Case + " " + x.Impl; name != last {
			b.progress("in process  %s", name)
			last = name
		}
	})
	return all, err
}
