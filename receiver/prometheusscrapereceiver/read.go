package prometheusscrapereceiver

import (
	"cmp"
	"fmt"
	"log/slog"

	promconfig "github.com/prometheus/prometheus/config"

	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
)

// read returns the jobs and defaults of config or config_file, which may have changed since it was read last.
func (c *Config) read(log *slog.Logger) (*scrapeconfig.Config, error) {
	cfg, err := c.readPlain(log)
	if err != nil || !c.FallbackToText {
		return cfg, err
	}
	for _, job := range cfg.Jobs {
		job.ScrapeFallbackProtocol = cmp.Or(job.ScrapeFallbackProtocol, promconfig.PrometheusText0_0_4)
	}
	return cfg, nil
}

func (c *Config) readPlain(log *slog.Logger) (*scrapeconfig.Config, error) {
	if c.ConfigFile != "" {
		cfg, err := scrapeconfig.Load(c.ConfigFile, log)
		return cfg, prefixed("config_file", err)
	}
	cfg, err := scrapeconfig.FromMap(c.Prometheus.values, log)
	return cfg, prefixed("config", err)
}

// validatePrometheus checks the files that are named in the collector's configuration, too: as in contrib, they must be
// there. Those that config_file names may come later, as in Prometheus.
func (c *Config) validatePrometheus() error {
	cfg, err := c.read(slog.New(slog.DiscardHandler))
	if err != nil || c.ConfigFile != "" {
		return err
	}
	return prefixed("config", checkFiles(cfg.Jobs))
}

func prefixed(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("`%s`: %w", key, err)
}
