package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sluice-metrics/sluice/internal/ruletest"
)

// newTestCommand is the sub-command that tests the rules of streamers. It stores in outcome how that ended.
func newTestCommand(outcome *exitCode) *cobra.Command {
	var from sources
	var options ruletest.Options
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Tests the streamer's rules: feeds metrics through them and prints or asserts what comes out",
		Long: "Tests the streamer's rules: feeds metrics through them and prints or asserts what comes out.\n\n" +
			"A FILE that names no configuration is about the one of --config and --set. The format of FILE is described in\n" +
			"processor/streamerprocessor/README.md, \"Testing rules\".\n\n" +
			"Exit codes: 0 all tests passed, 1 a test failed, 2 a file, its configuration, its metrics or a flag is wrong.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misused(outcome, errNoFile)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error { return testRules(cmd, files, from, options, outcome) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misused(outcome, err) })
	from.register(cmd.Flags())
	cmd.Flags().BoolVarP(&options.Verbose, "verbose", "v", false, "print the outcome of every test")
	cmd.Flags().BoolVar(&options.OTLP, "otlp", false, "print outcomes as OTLP JSON")
	return cmd
}

var errNoFile = errors.New("at least one file with tests is needed")

func misused(outcome *exitCode, err error) error {
	*outcome = exitMisused
	return err
}

func testRules(cmd *cobra.Command, files []string, from sources, options ruletest.Options, outcome *exitCode) error {
	given, err := from.locations()
	if err != nil {
		return misused(outcome, err)
	}
	load := func(ctx context.Context, locations []string) (ruletest.Configuration, error) {
		if len(locations) == 0 {
			locations = given
		}
		return readStreamers(ctx, locations)
	}
	var tally ruletest.Tally
	var errs []error
	for _, file := range files {
		t, err := ruletest.Run(cmd.Context(), file, load, options, cmd.OutOrStdout())
		tally.Add(t)
		errs = append(errs, err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d passed, %d failed, %d shown\n", tally.Passed, tally.Failed, tally.Shown)
	if err := errors.Join(append(errs, err)...); err != nil {
		return misused(outcome, err)
	}
	if tally.Failed > 0 {
		*outcome = exitFailed
		return errTestsFailed
	}
	return nil
}

var errTestsFailed = errors.New("tests of rules failed")
