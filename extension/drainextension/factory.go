package drainextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/sluice-metrics/sluice/extension/drainextension/internal/metadata"
)

// NewFactory returns the factory of the drain extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func create(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	return newDrain(cfg.(*Config), set.TelemetrySettings), nil
}
