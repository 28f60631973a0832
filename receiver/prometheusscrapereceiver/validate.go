package prometheusscrapereceiver

import (
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/units"
)

// validateSources checks that there is something to scrape, said once.
func (c *Config) validateSources() error {
	switch {
	case c.Prometheus.given() && c.ConfigFile != "":
		return errors.New("`config` and `config_file` must not both be given")
	case c.hasJobs() || c.TargetAllocator.HasValue() || len(c.Collections) > 0:
		return nil
	case c.Prometheus.given():
		return errors.New("`config` must hold `scrape_configs` or `scrape_config_files`, unless `target_allocator` is given")
	default:
		return errors.New("one of `config`, `config_file` and `target_allocator` must be given")
	}
}

// hasJobs is also true of a file, which may come to have some.
func (c *Config) hasJobs() bool {
	return c.ConfigFile != "" || c.Prometheus.holds("scrape_configs") || c.Prometheus.holds("scrape_config_files")
}

func notNegative[T int | time.Duration | units.Base2Bytes](key string, value T) error {
	if value < 0 {
		return fmt.Errorf("`%s` must not be negative, got %v", key, value)
	}
	return nil
}
