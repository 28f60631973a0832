package pushgatewayexporter

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(text)
}

func TestReadmeExampleIsValid(t *testing.T) {
	_, rest, found := strings.Cut(readme(t), "```yaml\n")
	require.True(t, found)
	text, _, _ := strings.Cut(rest, "```")
	var example map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &example))
	conf, err := confmap.NewFromStringMap(example).Sub("exporters::pushgateway")
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	assert.Len(t, cfg.Grouping, 2)
}

func TestReadmeListsAllOptions(t *testing.T) {
	text := readme(t)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if key, _, _ := strings.Cut(field.Tag.Get("mapstructure"), ","); key != "" {
			assert.Contains(t, text, "| `"+key+"` | ")
		}
	}
}

func TestReadmeListsAllMetrics(t *testing.T) {
	var metadata struct {
		Telemetry struct{ Metrics map[string]any }
	}
	text, err := os.ReadFile("metadata.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &metadata))
	require.NotEmpty(t, metadata.Telemetry.Metrics)
	page := readme(t)
	for name := range metadata.Telemetry.Metrics {
		assert.Contains(t, page, "`otelcol_"+name+"`")
	}
}
