package scrapeconfig

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	// Each registers the mechanism of its name.
	_ "github.com/prometheus/prometheus/discovery/consul"
	_ "github.com/prometheus/prometheus/discovery/dns"
	_ "github.com/prometheus/prometheus/discovery/file"
	_ "github.com/prometheus/prometheus/discovery/http"
	_ "github.com/prometheus/prometheus/discovery/kubernetes"
)

// supported are the keys of the discovery mechanisms there are.
var supported = []string{
	"static_configs", "file_sd_configs", "http_sd_configs", "dns_sd_configs", "kubernetes_sd_configs", "consul_sd_configs",
}

// checkDiscovery refuses the mechanisms that Prometheus has and Sluice does not: Prometheus' own error would call them
// unknown fields.
func (d document) checkDiscovery() error {
	jobs := get(d.root, "scrape_configs")
	if jobs == nil {
		return nil
	}
	var errs []error
	for _, job := range jobs.Content {
		name := "?"
		if n := get(job, "job_name"); n != nil {
			name = n.Value
		}
		for i := 0; i+1 < len(job.Content); i += 2 {
			if key := job.Content[i]; strings.HasSuffix(key.Value, "_sd_configs") && !slices.Contains(supported, key.Value) {
				errs = append(errs, fmt.Errorf("line %d: job %q: `%s` is not supported; these are: %s",
					key.Line, name, key.Value, strings.Join(supported, ", ")))
			}
		}
	}
	return errors.Join(errs...)
}
