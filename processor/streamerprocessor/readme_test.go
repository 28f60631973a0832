package streamerprocessor

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

// The examples of README.md are configurations; that of tests is run by the tests of the command.
func TestReadmeExamplesAreValid(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	factory := NewFactory(
		WithFilter("not-idle", func(Point[int64]) bool { return true }),
		WithTransform("to-fahrenheit", func(p Point[float64]) (float64, error) { return p.Value, nil }),
	)
	valid := 0
	for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		var content struct{ Processors map[string]map[string]any }
		require.NoError(t, yaml.Unmarshal([]byte(block[1]), &content))
		for id, section := range content.Processors {
			cfg := factory.CreateDefaultConfig()
			require.NoError(t, confmap.NewFromStringMap(section).Unmarshal(cfg), id)
			require.NoError(t, confmap.Validate(cfg), block[1])
			valid++
		}
	}
	assert.Equal(t, 5, valid)
}

// Every key is in the table of options, and every self-metric in its own.
func TestReadmeIsComplete(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	generated, err := os.ReadFile("documentation.md")
	require.NoError(t, err)
	for _, metric := range regexp.MustCompile(`(?m)^### (otelcol_\w+)$`).FindAllStringSubmatch(string(generated), -1) {
		assert.Contains(t, string(text), "| `"+metric[1]+"` |")
	}
	set := confmap.New()
	require.NoError(t, set.Marshal(&Config{Rules: []RuleConfig{{Constrain: &ConstrainConfig{}}}, Buffer: configoptional.Some(BufferConfig{})}))
	for _, key := range set.AllKeys() {
		key = strings.ReplaceAll(key, "::", ".")
		assert.Contains(t, string(text), "| `"+key+"` |")
	}
	list, _ := set.Get("rules").([]any)
	require.Len(t, list, 1)
	for key := range list[0].(map[string]any) {
		assert.Contains(t, string(text), "| `rules[]."+key+"` |")
	}
	constrain, _ := list[0].(map[string]any)["constrain"].(map[string]any)
	for key := range constrain {
		assert.Regexp(t, "(?m)^\\| .*`"+key+"`.* \\|", string(text))
	}
}
