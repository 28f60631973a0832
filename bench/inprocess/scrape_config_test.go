package inprocess

import (
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/receiver"

	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/prometheusalias"
)

// scrapeConfigDifferences are the configurations in contrib's testdata on which the two receivers do not agree.
var scrapeConfigDifferences = map[string]string{
	"config_sd.yaml prometheus": "`ec2_sd_configs` is not supported; these are: static_configs",

	"invalid-config-prometheus-unsupported-features.yaml prometheus": "", // left out, with a warning
}

// TestScrapeConfigsOfContrib validates every configuration that contrib has in its testdata with both receivers.
func TestScrapeConfigsOfContrib(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver").Output()
	require.NoError(t, err)
	t.Chdir(strings.TrimSpace(string(dir))) // the files name each other from there
	files, err := filepath.Glob("testdata/*config*.yaml")
	require.NoError(t, err)
	seen := 0
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "sd-") {
			continue // targets
		}
		for id, section := range scrapeConfigs(t, file) {
			t.Run(filepath.Base(file)+" "+id, func(t *testing.T) { compareScrapeConfig(t, file, id, section) })
			seen++
		}
	}
	assert.Greater(t, seen, 30)
}

func scrapeConfigs(t *testing.T, file string) map[string]*confmap.Conf {
	t.Helper()
	conf, err := confmaptest.LoadConf(file)
	require.NoError(t, err)
	sections := map[string]*confmap.Conf{}
	for _, id := range slices.Sorted(maps.Keys(conf.ToStringMap())) {
		if !strings.HasPrefix(id, "prometheus") {
			continue // a file of jobs
		}
		sections[id], err = conf.Sub(id)
		require.NoError(t, err)
	}
	return sections
}

func compareScrapeConfig(t *testing.T, file, id string, section *confmap.Conf) {
	t.Helper()
	theirs, ours := verdict(prometheusreceiver.NewFactory(), section), verdict(prometheusalias.NewFactory(), section)
	says, differ := scrapeConfigDifferences[filepath.Base(file)+" "+id]
	assert.Equal(t, differ, (theirs == nil) != (ours == nil), "theirs: %v\nours: %v", theirs, ours)
	if says != "" {
		require.ErrorContains(t, ours, says)
	}
}

func verdict(factory receiver.Factory, section *confmap.Conf) error {
	cfg := factory.CreateDefaultConfig()
	if err := section.Unmarshal(cfg); err != nil {
		return err
	}
	return confmap.Validate(cfg)
}
