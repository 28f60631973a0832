package prometheusalias

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver"
	"github.com/sluice-metrics/sluice/receiver/prometheusscrapereceiver/prometheusalias/internal/metadata"
)

func TestOneDefaultDiffersFromPrometheusScrape(t *testing.T) {
	want := prometheusscrapereceiver.NewFactory().CreateDefaultConfig().(*prometheusscrapereceiver.Config)
	assert.False(t, want.FallbackToText)
	want.FallbackToText = true
	assert.Equal(t, want, createDefaultConfig())
}

func TestEveryExampleStarts(t *testing.T) {
	for name, text := range contribs {
		rcv, err := NewFactory().CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), load(t, text), consumertest.NewNop())
		require.NoError(t, err, name)
		require.NoError(t, rcv.Shutdown(t.Context()), name)
	}
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
}
