package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/sluice-metrics/sluice/config"
)

// newCommand is the root command: it runs the collector until stop delivers a signal, and stores in outcome how
// that ended. The sub-commands are the collector's own.
func newCommand(stop <-chan os.Signal, outcome *exitCode) *cobra.Command {
	var configs, sets []string
	root := &cobra.Command{
		Use:          "sluice",
		Short:        description,
		Version:      fullVersion(),
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			uris, err := locations(configs, sets)
			if err != nil {
				return err
			}
			col, err := otelcol.NewCollector(reloadable(uris))
			if err != nil {
				return err
			}
			if len(configs) == 0 {
				stopGreeting := greetWhenRunning(cmd.Context(), cmd.ErrOrStderr(), col)
				defer stopGreeting()
			}
			*outcome, err = supervise(cmd.Context(), col, stop, cmd.ErrOrStderr())
			return err
		},
	}
	root.Flags().StringArrayVar(&configs, "config", nil, "location of a configuration, such as a `file`; may be repeated, later ones are merged over earlier ones (default "+config.Default+")")
	root.Flags().StringArrayVar(&sets, "set", nil, "set one `key=value` over the configuration, as in processors.batch.timeout=2s; may be repeated")
	gates := flag.NewFlagSet("", flag.ContinueOnError)
	featuregate.GlobalRegistry().RegisterFlags(gates)
	root.Flags().AddGoFlagSet(gates)
	core := otelcol.NewCommand(settings([]string{config.Default}))
	root.AddCommand(slices.Clone(core.Commands())...)
	return root
}

// locations are the sources of the configuration, weakest first: what the environment says of tracing, the
// configurations given or the default, the single settings.
func locations(configs, sets []string) ([]string, error) {
	if len(configs) == 0 {
		configs = []string{config.Default}
	}
	uris := append(tracingFromEnvironment(os.Getenv), configs...)
	for _, set := range sets {
		key, value, ok := strings.Cut(set, "=")
		if !ok {
			return nil, fmt.Errorf("--set %q: %w", set, errNoEqualSign)
		}
		uris = append(uris, "yaml:"+strings.ReplaceAll(strings.TrimSpace(key), ".", "::")+": "+strings.TrimSpace(value))
	}
	return uris, nil
}

var errNoEqualSign = errors.New("must be key=value")
