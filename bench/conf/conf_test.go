package conf

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var vars = map[string]string{
	"GRPC": "127.0.0.1:1", "HTTP": "127.0.0.1:2", "PULL": "127.0.0.1:3", "TELEMETRY": "127.0.0.1:4", "TELEMETRY_PORT": "4",
	"SINK": "127.0.0.1:5", "STORAGE": "/tmp/q", "INTERVAL": "5s", "TARGETS": `["127.0.0.1:6","127.0.0.1:7"]`,
}

func TestRender_MakesYAMLOfEveryFile(t *testing.T) {
	folders, err := files.ReadDir(".")
	require.NoError(t, err)
	for _, folder := range folders {
		entries, err := files.ReadDir(folder.Name())
		require.NoError(t, err)
		for _, e := range entries {
			subject := folder.Name()
			if subject == "collector" {
				subject = "contrib"
			}
			name := e.Name()[:len(e.Name())-len(".yaml")]
			require.True(t, Has(subject, name), e.Name())
			text, err := Render(subject, name, vars)
			require.NoError(t, err)
			assert.NotContains(t, string(text), "${env:")
			var parsed map[string]any
			assert.NoError(t, yaml.Unmarshal(text, &parsed), "%s/%s", folder.Name(), e.Name())
		}
	}
}

func TestRender_NamesWhatIsMissing(t *testing.T) {
	_, err := Render("sluice", "nop", map[string]string{"GRPC": "x"})
	assert.ErrorContains(t, err, "no value for HTTP")
}

func TestHas(t *testing.T) {
	assert.True(t, Has("sluice", "nop"), "shared by the collectors")
	assert.True(t, Has("contrib", "scrape"))
	assert.False(t, Has("vmagent", "nop"), "not a collector")
	assert.False(t, Has("sluice", "no_such"))
}
