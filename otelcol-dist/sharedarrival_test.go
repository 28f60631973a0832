package main

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

// arrivalConfig has the OTLP receivers of an arrival by their names.
type arrivalConfig struct {
	Receivers map[string]map[string]any `mapstructure:",remain"`
}

func newArrivalConfig() component.Config { return &arrivalConfig{} }

// arrival is an extension of OTLP receivers that hand over to the sink of this name. Being an extension it is there
// before the exporters look for it, and after them.
type arrival struct{ receivers []receiver.Metrics }

func (w *world) newArrival(ctx context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	a := &arrival{}
	factory := otlpreceiver.NewFactory()
	for name, conf := range cfg.(*arrivalConfig).Receivers {
		c := factory.CreateDefaultConfig()
		if err := confmap.NewFromStringMap(conf).Unmarshal(c); err != nil {
			return nil, err
		}
		r, err := factory.CreateMetrics(ctx, receiver.Settings{
			ID: component.NewIDWithName(factory.Type(), name), TelemetrySettings: set.TelemetrySettings, BuildInfo: set.BuildInfo,
		}, c, w.sink("arrived"))
		if err != nil {
			return nil, err
		}
		a.receivers = append(a.receivers, r)
	}
	return a, nil
}

func (a *arrival) Start(ctx context.Context, host component.Host) error {
	var errs error
	for _, r := range a.receivers {
		errs = errors.Join(errs, r.Start(ctx, host))
	}
	return errs
}

func (a *arrival) Shutdown(ctx context.Context) error {
	var errs error
	for _, r := range a.receivers {
		errs = errors.Join(errs, r.Shutdown(ctx))
	}
	return errs
}
