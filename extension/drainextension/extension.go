package drainextension

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/drain"
	"github.com/sluice-metrics/sluice/internal/httpserve"
)

// drainExtension is a drain.Run as the collector sees it. The service calls Ready once all pipelines run and NotReady
// before the first one stops, and tells of each component's status.
type drainExtension struct {
	*drain.Run
	cfg       *Config
	set       extension.Settings
	entry     *EntryPoint
	process   *drain.Process
	signals   *signals // nil where the entry point has them
	telemetry *telemetry
	server    *httpserve.Server
	stop      sync.Once

	// Without an entry point the report of a stop that hangs is written when it should have ended: later may be never.
	overdue  *time.Timer
	reported sync.Once
}

var (
	_ extensioncapabilities.PipelineWatcher = (*drainExtension)(nil)
	_ extensioncapabilities.Dependent       = (*drainExtension)(nil)
	_ componentstatus.Watcher               = (*drainExtension)(nil)
	_ Drain                                 = (*drainExtension)(nil)
)

func newExtension(cfg *Config, set extension.Settings, entry *EntryPoint) *drainExtension {
	d := &drainExtension{cfg: cfg, set: set, entry: entry}
	if entry != nil {
		d.process = entry.Process
	} else {
		d.process = drain.NewProcess(nil, drain.Limits{})
	}
	d.Run = d.process.NewRun(drain.Settings{
		Limits: cfg.limits(), Phases: cfg.Phases, Flush: cfg.Flush, Tracking: cfg.Tracking,
		Emit: d.emit, Warn: d.warn,
	})
	return d
}

// Dependencies are the other extensions that watch the pipelines: they shall say that the collector is not ready before
// this one makes it wait.
func (d *drainExtension) Dependencies() []component.ID {
	if d.entry == nil || d.entry.Watchers == nil {
		return nil
	}
	return d.entry.Watchers(d.set.ID)
}

func (d *drainExtension) Start(ctx context.Context, host component.Host) (err error) {
	if err := d.checkReportFile(); err != nil {
		return err
	}
	d.server, err = httpserve.Start(ctx, &d.cfg.ServerConfig, host, d.set.TelemetrySettings, probes(d.State))
	if err != nil {
		return err
	}
	if d.telemetry, err = newTelemetry(d.set.TelemetrySettings, d.process); err != nil {
		return err
	}
	if d.entry == nil {
		d.signals = hearSignals()
	}
	d.process.Attach(d.Run)
	return nil
}

func (d *drainExtension) checkReportFile() error {
	if d.cfg.ReportFile == "" {
		return nil
	}
	dir := filepath.Dir(d.cfg.ReportFile)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("`report_file` %q: there is no folder %q", d.cfg.ReportFile, dir)
	}
	return nil
}

func (d *drainExtension) Ready() error {
	d.Run.Ready()
	return nil
}

// NotReady holds the pipelines' stop up for as long as data is to be taken.
func (d *drainExtension) NotReady() error {
	if name := d.signals.heard(); name != "" {
		d.process.Begin(name)
	}
	if d.entry == nil {
		d.overdue = time.AfterFunc(d.process.Limits().Whole(), d.reportStop)
	}
	d.Run.NotReady()
	return nil
}

func (d *drainExtension) ComponentStatusChanged(source *componentstatus.InstanceID, event *componentstatus.Event) {
	d.Observe(source, event)
}

// Shutdown is called when the pipelines have stopped. Where there is an entry point of ours, it reports when the whole
// process has come to its end.
func (d *drainExtension) Shutdown(ctx context.Context) error {
	d.stop.Do(func() {
		d.Close(ctx)
		if d.entry == nil {
			d.endOverdue()
			d.reportStop()
		}
		d.signals.ignore()
		d.telemetry.shutdown()
	})
	return d.server.Shutdown(ctx)
}

func (d *drainExtension) endOverdue() {
	if d.overdue != nil {
		d.overdue.Stop()
	}
}

func (d *drainExtension) warn(name string, after time.Duration) {
	d.set.Logger.Warn("A component does not stop.", zap.String("component", name), zap.Duration("after", after))
}
