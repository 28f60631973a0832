package drainextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/sluice-metrics/sluice/extension/drainextension/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/drain"
)

// NewFactory returns the factory of the drain extension for a collector whose entry point knows nothing of it: it hears
// signals by itself, and cannot know what became of the points nor end the process.
func NewFactory() extension.Factory { return NewFactoryIn(nil) }

// EntryPoint is what an entry point shares with the extension.
type EntryPoint struct {
	// Process is told by the entry point when it is to end.
	Process *drain.Process
	// Watchers are the extensions that have to be told before the extension of this ID that pipelines stop.
	Watchers func(of component.ID) []component.ID
}

// NewFactoryIn returns the factory of the drain extension in a process with this entry point.
func NewFactoryIn(entry *EntryPoint) extension.Factory {
	create := func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
		return newExtension(cfg.(*Config), set, entry), nil
	}
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}
