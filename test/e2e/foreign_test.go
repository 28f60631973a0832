package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestForeignManifestTakesOurComponents puts the streamer and the pull exporter into somebody else's distribution.
func TestForeignManifestTakesOurComponents(t *testing.T) {
	serves(t, ocb(t, "testdata/foreign-manifest.yaml"), dropQueues)
}

// TestManifestBuildsAStockCollector is `ocb --config builder-config.yaml` in a clone: ocb's own main, our components.
func TestManifestBuildsAStockCollector(t *testing.T) {
	bin := ocb(t, "builder-config.yaml")
	serves(t, bin, dropQueues)
	out, err := exec.CommandContext(t.Context(), bin, "validate", "--config", "builtin:default").CombinedOutput()
	require.NoError(t, err, string(out))
}

// TestForeignBuildHasFunctionsOfItsOwn builds a distribution whose streamer calls functions of its main, in a module that
// sees no more of ours than anybody does.
func TestForeignBuildHasFunctionsOfItsOwn(t *testing.T) {
	if !full() {
		t.Skip("builds a distribution; SLUICE_E2E=full runs it")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	dir := t.TempDir()
	for from, to := range map[string]string{"testdata/custom/main.go": "main.go", "../../go.mod": "go.mod", "../../go.sum": "go.sum"} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		if to == "go.mod" {
			own := strings.Replace(string(text), "module github.com/sluice-metrics/sluice\n", "module example.test/custom\n", 1)
			require.NotEqual(t, string(text), own)
			text = []byte(own + "\nrequire github.com/sluice-metrics/sluice v0.1.0\n\nreplace github.com/sluice-metrics/sluice => " + root + "\n")
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), text, 0o600))
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", "custom", ".")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	serves(t, filepath.Join(dir, "custom"), "{function: no-queues-int}, {function: no-queues-float}")
}

// dropQueues is a rule that serves can see at work.
const dropQueues = `{drop: ['metric.name == "queue.size"']}`

// ocb builds a manifest, whose path is relative to the repository's root, in a folder of the test's own and returns
// the binary.
func ocb(t *testing.T, manifest string) (bin string) {
	t.Helper()
	if !full() {
		t.Skip("builds a distribution; SLUICE_E2E=full runs it")
	}
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, manifest))
	require.NoError(t, err)
	dir := t.TempDir()
	moved := strings.Replace(string(text), "output_path: ./_build", "output_path: "+filepath.Join(dir, "build"), 1)
	require.NotEqual(t, string(text), moved)
	file := filepath.Join(dir, "manifest.yaml")
	require.NoError(t, os.WriteFile(file, []byte(moved), 0o600))

	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=internal/tools/go.mod", "builder", "--config", file)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return filepath.Join(dir, "build", "sluice")
}

// serves asserts that bin takes OTLP and serves what the streamer's rules, which drop queues, leave of it.
func serves(t *testing.T, bin, rules string) {
	t.Helper()
	p := newPorts(t)
	s, _ := launchBinary(t, bin, p.foreignConfig(rules))
	eventually(t, func() error {
		_, err := fetch(t.Context(), p.page(), http.StatusOK)
		return err
	})
	app := newApplication(t, "1", grpcExporter(t, "127.0.0.1:"+p.grpc))
	defer app.shutdown()
	app.work()
	app.flush()
	page := answered(t, p.page(), http.StatusOK)
	require.NoError(t, contains(page, "http_requests_total{"))
	require.NotContains(t, page, "queue_size")
	s.stop()
}

func (p ports) foreignConfig(rules string) string {
	return fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:%s"}}}}
processors: {streamer: {rules: [%s]}}
exporters: {prometheus_pull: {endpoint: "127.0.0.1:%s"}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], processors: [streamer], exporters: [prometheus_pull]}}
`, p.grpc, rules, p.pull)
}
