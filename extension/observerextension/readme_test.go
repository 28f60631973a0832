package observerextension

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestReadmeExamplesAreValid(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	hooks := 0
	for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		var content struct{ Extensions map[string]map[string]any }
		require.NoError(t, yaml.Unmarshal([]byte(block[1]), &content))
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, confmap.NewFromStringMap(content.Extensions["observer"]).Unmarshal(cfg))
		require.NoError(t, confmap.Validate(cfg))
		hooks += len(cfg.Hooks)
	}
	assert.Equal(t, 5, hooks)
}

// Every key is in the table of options, and every self-metric in its own.
func TestReadmeIsComplete(t *testing.T) {
	file, err := os.ReadFile("README.md")
	require.NoError(t, err)
	text := string(file)
	generated, err := os.ReadFile("documentation.md")
	require.NoError(t, err)
	for _, metric := range regexp.MustCompile(`(?m)^### (otelcol_\w+)$`).FindAllStringSubmatch(string(generated), -1) {
		assert.Contains(t, text, "| `"+metric[1]+"` |")
	}
	h := defaultHook()
	h.Threshold = configoptional.Some(BoundConfig{Above: configoptional.Some(1.0), Below: configoptional.Some(1.0), Clear: configoptional.Some(1.0)})
	set := confmap.New()
	require.NoError(t, set.Marshal(h))
	for _, key := range set.AllKeys() {
		for part := range strings.SplitSeq(key, "::") {
			assert.Contains(t, text, part)
		}
	}
	set = confmap.New()
	require.NoError(t, set.Marshal(&Config{}))
	for _, key := range set.AllKeys() {
		assert.Contains(t, text, "| `"+strings.ReplaceAll(key, "::", ".")+"` |")
	}
	for _, reason := range []string{"overflow", "error", "timeout", "panic", "rejected", "retries_exhausted", "shutdown", "loop", "debounced"} {
		assert.Contains(t, text, "`"+reason+"`")
	}
}
