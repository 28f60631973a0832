package prometheuspullexporter

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/sluice-metrics/sluice/internal/exposition"
)

// PageConfig is a page that shows a part of the metrics.
type PageConfig struct {
	// Path is the path of the page.
	Path string `mapstructure:"path"`

	// Match lists series selectors; the page shows what any of them selects.
	Match []string `mapstructure:"match"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func (c *Config) validatePaths() error {
	errs := []error{validatePath("metrics_path", c.MetricsPath)}
	taken := map[string]bool{c.MetricsPath: true}
	for i, p := range c.Pages {
		key := fmt.Sprintf("pages::%d::path", i)
		errs = append(errs, validatePath(key, p.Path))
		if taken[p.Path] {
			errs = append(errs, fmt.Errorf("`%s` is taken: %q", key, p.Path))
		}
		taken[p.Path] = true
		if _, err := p.selection(); err != nil {
			errs = append(errs, fmt.Errorf("`pages::%d::match`: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// validatePath refuses what net/http's patterns give a meaning of their own or clients rewrite.
func validatePath(key, p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return fmt.Errorf("`%s` must begin with \"/\", got %q", key, p)
	case strings.ContainsAny(p, "{}?#% \t\r\n") || path.Clean(p) != p:
		return fmt.Errorf("`%s` must be a plain path without trailing \"/\", got %q", key, p)
	default:
		return nil
	}
}

// selection is never nil, which would show everything.
func (p *PageConfig) selection() (*exposition.Selection, error) {
	if len(p.Match) == 0 {
		return nil, errors.New("must hold a series selector")
	}
	return exposition.ParseSelection(nil, p.Match)
}
