package targetallocator

import (
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	promcommon "github.com/prometheus/common/config"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// Whatever Prometheus reads from the files of its own tests, a job of the allocator is read as: from YAML, and from JSON
// made as the operator makes it.
func TestJobsAreReadAsPrometheusReadsThem(t *testing.T) {
	secrets := promcommon.MarshalSecretValue
	promcommon.MarshalSecretValue = true
	defer func() { promcommon.MarshalSecretValue = secrets }()
	total := 0
	for _, file := range prometheusFiles(t) {
		text := withoutDiscovery(t, file)
		loaded, err := promconfig.Load(string(text), slog.New(slog.DiscardHandler))
		if err != nil {
			continue // it tests discovery that is not registered here, or more than jobs
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			assert.Equal(t, wanted(loaded), read(t, loaded, fromYAML(t, text)))
			assert.Equal(t, wanted(loaded), read(t, loaded, fromOperator(t, loaded)))
		})
		total += len(loaded.ScrapeConfigs)
	}
	assert.Greater(t, total, 40)
}

func prometheusFiles(t *testing.T) []string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/prometheus").Output()
	if err != nil || strings.TrimSpace(string(dir)) == "" {
		t.Skip("the source of Prometheus is not here")
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "config", "testdata", "*.good.yml"))
	require.NoError(t, err)
	return files
}

// withoutDiscovery is what a file says about jobs, except how their targets are found.
func withoutDiscovery(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var doc struct {
		Global yaml.Node              `yaml:"global,omitempty"`
		Jobs   []map[string]yaml.Node `yaml:"scrape_configs,omitempty"`
	}
	require.NoError(t, yaml.Unmarshal(text, &doc))
	for _, job := range doc.Jobs {
		maps.DeleteFunc(job, func(key string, _ yaml.Node) bool {
			return key == "static_configs" || strings.HasSuffix(key, "_sd_configs")
		})
	}
	out, err := yaml.Marshal(doc)
	require.NoError(t, err)
	return out
}

func fromYAML(t *testing.T, text []byte) string {
	t.Helper()
	var doc struct {
		Jobs []yaml.Node `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal(text, &doc))
	jobs := map[string]*yaml.Node{}
	for i := range doc.Jobs {
		var named struct {
			Name string `yaml:"job_name"`
		}
		require.NoError(t, doc.Jobs[i].Decode(&named))
		jobs[named.Name] = &doc.Jobs[i]
	}
	out, err := yaml.Marshal(jobs)
	require.NoError(t, err)
	return string(out)
}

func fromOperator(t *testing.T, loaded *promconfig.Config) string {
	t.Helper()
	jobs := map[string]*promconfig.ScrapeConfig{}
	for _, job := range loaded.ScrapeConfigs {
		jobs[job.JobName] = job
	}
	text, err := yaml.Marshal(jobs)
	require.NoError(t, err)
	var plain map[string]any
	require.NoError(t, yaml.Unmarshal(text, &plain))
	out, err := json.Marshal(plain)
	require.NoError(t, err)
	return string(out)
}

func wanted(loaded *promconfig.Config) map[string]promconfig.ScrapeConfig {
	jobs := map[string]promconfig.ScrapeConfig{}
	for _, job := range loaded.ScrapeConfigs {
		want := *job
		if want.ScrapeFallbackProtocol == "" {
			want.ScrapeFallbackProtocol = promconfig.PrometheusText0_0_4
		}
		want.ServiceDiscoveryConfigs = nil
		jobs[want.JobName] = want
	}
	return jobs
}

func read(t *testing.T, loaded *promconfig.Config, answer string) map[string]promconfig.ScrapeConfig {
	t.Helper()
	c := New(Options{Global: loaded.GlobalConfig})
	parsed, err := c.parse([]byte(answer))
	require.NoError(t, err)
	require.NoError(t, parsed.err)
	jobs := map[string]promconfig.ScrapeConfig{}
	for _, job := range parsed.list {
		got := *job
		got.ServiceDiscoveryConfigs = nil
		jobs[got.JobName] = got
	}
	return jobs
}
