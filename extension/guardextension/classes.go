package guardextension

import "github.com/sluice-metrics/sluice/internal/limiter"

// Classes of requests by their key, besides those of limiter.Keyed: requests are not told apart, or have no key.
const (
	classNone    = -2
	classMissing = -1
	firstClass   = classNone
)

// classNames are those of self-metrics, from firstClass on. Their number is that of the configuration.
func classNames(c *RateConfig) []string {
	k := c.PerKey.Get()
	if k == nil {
		return []string{"none"}
	}
	names := []string{"none", "missing", "default", "overflow"}
	for _, o := range k.Overrides {
		names = append(names, "override:"+o.Key)
	}
	return names
}

// overrideClass is the name of the i-th override.
func overrideClass(names []string, i int) string { return names[limiter.Named+i-firstClass] }
