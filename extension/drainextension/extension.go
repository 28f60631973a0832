package drainextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"

	"github.com/sluice-metrics/sluice/internal/httpserve"
)

// drain serves the collector's probes. The service calls Ready once all pipelines run and NotReady before the
// first one stops.
type drain struct {
	cfg    *Config
	tel    component.TelemetrySettings
	probes probes
	server *httpserve.Server
}

var _ extensioncapabilities.PipelineWatcher = (*drain)(nil)

func newDrain(cfg *Config, tel component.TelemetrySettings) *drain {
	return &drain{cfg: cfg, tel: tel}
}

func (d *drain) Start(ctx context.Context, host component.Host) (err error) {
	d.server, err = httpserve.Start(ctx, &d.cfg.ServerConfig, host, d.tel, d.probes.handler())
	return err
}

func (d *drain) Ready() error {
	d.probes.set(phaseReady)
	return nil
}

func (d *drain) NotReady() error {
	d.probes.set(phaseStopping)
	return nil
}

func (d *drain) Shutdown(ctx context.Context) error {
	return d.server.Shutdown(ctx)
}
