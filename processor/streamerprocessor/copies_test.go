package streamerprocessor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
	"github.com/sluice-metrics/sluice/processor/streamerprocessor/internal/metadata"
)

// quiet are rules of each kind that can be remembered, none of which changes anything of rulestest.Metrics.
var quiet = []RuleConfig{
	{Drop: []string{`metric.name == "nosuch"`, `datapoint.attributes["env"] == "nosuch"`, `resource.attributes["team"] == "nosuch"`}},
	{Keep: []string{`datapoint.attributes["env"] != "nosuch"`}},
	{Transform: []string{`set(datapoint.attributes["host"], "x") where datapoint.attributes["env"] == "nosuch"`}},
	{Relabel: []RelabelConfig{{"source_labels": []any{"env"}, "regex": "nosuch", "action": "drop"}}},
}

// Batches are copied as a whole, and only those that a rule changes.
func TestOnlyWhatChangesIsCopied(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Rules = append([]RuleConfig{{Drop: []string{`metric.name == "go_threads"`}}}, quiet...)
	s, err := newStreamer(processortest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	without := pmetric.NewMetrics()
	rulestest.Metrics().CopyTo(without)
	for _, rm := range without.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool { return m.Name() == "go_threads" })
		}
	}
	for name, tt := range map[string]struct {
		md               pmetric.Metrics
		readOnly, copied bool
	}{
		"read-only, changed":   {rulestest.Metrics(), true, true},
		"read-only, unchanged": {without, true, false},
		"mutable, changed":     {rulestest.Metrics(), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.readOnly {
				tt.md.MarkReadOnly()
			}
			out, err := s.process(t.Context(), tt.md)
			require.NoError(t, err)
			assert.Equal(t, tt.copied, out != tt.md)
			assert.Equal(t, tt.readOnly, out.IsReadOnly())
		})
	}
}
