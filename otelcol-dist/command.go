package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/otelcol"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/sluice-metrics/sluice/config"
)

// newCommand is the root command: it runs the collector until stop delivers a signal, and stores in outcome how
// that ended. The sub-commands are the collector's own, but for validate, which checks what the root command would run,
// and test.
func newCommand(stop <-chan os.Signal, outcome *exitCode) *cobra.Command {
	var from sources
	root := &cobra.Command{
		Use:          "sluice",
		Short:        description,
		Version:      fullVersion(),
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			*outcome, err = runCollector(cmd, from, stop)
			return err
		},
	}
	from.register(root.Flags())
	root.AddCommand(newValidateCommand(), newTestCommand(outcome))
	for _, cmd := range otelcol.NewCommand(settings([]string{config.Default})).Commands() {
		if cmd.Name() != "validate" {
			root.AddCommand(cmd)
		}
	}
	return root
}

func runCollector(cmd *cobra.Command, from sources, stop <-chan os.Signal) (exitCode, error) {
	uris, err := from.locations()
	if err != nil {
		return exitFailed, err
	}
	process, factories := overseen()
	col, err := otelcol.NewCollector(reloadable(uris, factories))
	if err != nil {
		return exitFailed, err
	}
	if from.isDefault() {
		stopGreeting := greetWhenRunning(cmd.Context(), cmd.ErrOrStderr(), col)
		defer stopGreeting()
	}
	return (&supervisor{col: col, process: process, stop: stop, log: cmd.ErrOrStderr()}).run(cmd.Context())
}

func newValidateCommand() *cobra.Command {
	var from sources
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Validates the config without running the collector",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			uris, err := from.locations()
			if err != nil {
				return err
			}
			set := settings(uris)
			set.LoggingOptions = []zap.Option{warningsTo(cmd.ErrOrStderr())}
			return dryRun(cmd.Context(), set)
		},
	}
	from.register(cmd.Flags())
	return cmd
}

// warningsTo has a logger write its warnings to w, a line each, and nothing else.
func warningsTo(w io.Writer) zap.Option {
	line := zapcore.EncoderConfig{
		MessageKey: "message", LevelKey: "level", EncodeLevel: zapcore.LowercaseLevelEncoder, ConsoleSeparator: ": ",
	}
	return zap.WrapCore(func(zapcore.Core) zapcore.Core {
		return zapcore.NewCore(zapcore.NewConsoleEncoder(line), zapcore.AddSync(w), zapcore.WarnLevel)
	})
}

// sources are the flags that say where the configuration comes from.
type sources struct{ configs, sets []string }

func (s *sources) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&s.configs, "config", nil, "location of a configuration, such as a `file`; may be repeated, later ones are merged over earlier ones (default "+config.Default+")")
	flags.StringArrayVar(&s.sets, "set", nil, "set one `key=value` over the configuration, as in processors.batch.timeout=2s; may be repeated")
	gates := flag.NewFlagSet("", flag.ContinueOnError)
	featuregate.GlobalRegistry().RegisterFlags(gates)
	flags.AddGoFlagSet(gates)
}

func (s *sources) isDefault() bool { return len(s.configs)+len(s.sets) == 0 }

// locations are where the configuration is read from, weakest first: the configurations given or the default one,
// then the single settings.
func (s *sources) locations() ([]string, error) {
	uris := s.configs
	if len(uris) == 0 {
		uris = []string{config.Default}
	}
	for _, set := range s.sets {
		key, value, ok := strings.Cut(set, "=")
		if !ok {
			return nil, fmt.Errorf("--set %q: %w", set, errNoEqualSign)
		}
		uris = append(uris, "yaml:"+strings.ReplaceAll(strings.TrimSpace(key), ".", "::")+": "+strings.TrimSpace(value))
	}
	return uris, nil
}

var errNoEqualSign = errors.New("must be key=value")
