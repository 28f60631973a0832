package main

import (
	"context"
	"os"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/httpprovider"
	"go.opentelemetry.io/collector/confmap/provider/httpsprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/sluice-metrics/sluice/config"
	"github.com/sluice-metrics/sluice/internal/lastgood"
)

// provider is a source of configuration and the module that the manifest takes it from.
type provider struct {
	factory confmap.ProviderFactory
	module  string
}

// providers are those of builder-config.yaml, in its order; a test compares the two.
func providers() []provider {
	return []provider{
		{envprovider.NewFactory(), "go.opentelemetry.io/collector/confmap/provider/envprovider v1.65.0"},
		{fileprovider.NewFactory(), "go.opentelemetry.io/collector/confmap/provider/fileprovider v1.65.0"},
		{yamlprovider.NewFactory(), "go.opentelemetry.io/collector/confmap/provider/yamlprovider v1.65.0"},
		{httpprovider.NewFactory(), "go.opentelemetry.io/collector/confmap/provider/httpprovider v1.65.0"},
		{httpsprovider.NewFactory(), "go.opentelemetry.io/collector/confmap/provider/httpsprovider v1.65.0"},
		{config.NewFactory(), "github.com/sluice-metrics/sluice v0.1.0"},
	}
}

// settings are the collector's, reading its configuration from uris.
func settings(uris []string) otelcol.CollectorSettings {
	resolver := confmap.ResolverSettings{
		URIs:               uris,
		DefaultScheme:      "env",
		ConverterFactories: []confmap.ConverterFactory{tracingFromEnvironment(os.Getenv), confirming(components)},
	}
	modules := map[string]string{}
	for _, p := range providers() {
		resolver.ProviderFactories = append(resolver.ProviderFactories, p.factory)
		modules[p.factory.Create(confmap.ProviderSettings{}).Scheme()] = p.module
	}
	return otelcol.CollectorSettings{
		BuildInfo:               component.BuildInfo{Command: "sluice", Description: description, Version: version},
		Factories:               components,
		ProviderModules:         modules,
		ConfigProviderSettings:  otelcol.ConfigProviderSettings{ResolverSettings: resolver},
		DisableGracefulShutdown: true,
	}
}

// reloadable are settings whose reload keeps the last good configuration when the new one is not valid. What is only
// looked at is made by the plain factories: it never runs, and has no accounts.
func reloadable(uris []string, factories func() (otelcol.Factories, error)) otelcol.CollectorSettings {
	keeper := lastgood.New(func(ctx context.Context, record lastgood.Wrap) error {
		set := settings(uris)
		resolver := &set.ConfigProviderSettings.ResolverSettings
		resolver.ProviderFactories = record(resolver.ProviderFactories)
		return dryRun(ctx, set)
	})
	set := settings(append([]string{lastgood.Marker}, uris...))
	resolver := &set.ConfigProviderSettings.ResolverSettings
	resolver.ProviderFactories = keeper.Wrap(resolver.ProviderFactories)
	set.Factories = factories
	return set
}

// dryRun reads the configuration and builds its pipelines without starting them.
func dryRun(ctx context.Context, set otelcol.CollectorSettings) error {
	col, err := otelcol.NewCollector(set)
	if err != nil {
		return err
	}
	return col.DryRun(ctx)
}
