package drainextension

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/sluice-metrics/sluice/internal/drain"
)

// emit writes the report as one line of the log and, if that is configured, as a file.
func (d *drainExtension) emit(r *drain.Report) {
	log := d.set.Logger.WithOptions(zap.WithCaller(false), zap.AddStacktrace(zapcore.FatalLevel))
	log.Log(levelOf(r), summary(r), zap.Any("report", r))
	if err := writeReport(d.cfg.ReportFile, r); err != nil {
		log.Error("The report could not be written.", zap.Error(err))
	}
}

func levelOf(r *drain.Report) zapcore.Level {
	switch r.Outcome {
	case drain.Clean:
		return zapcore.InfoLevel
	case drain.Lost:
		return zapcore.WarnLevel
	default:
		return zapcore.ErrorLevel
	}
}

func summary(r *drain.Report) string {
	return fmt.Sprintf("Drained (%s) in %.3fs: %v points accepted, %v delivered, %v stored, %v lost",
		r.Outcome, r.Seconds, r.Points.Accepted, r.Points.Delivered, r.Points.Stored, r.Points.Lost)
}

// writeReport leaves a file whole or not at all: it is read by somebody who waits for the process to end.
func writeReport(file string, r *drain.Report) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(text, '\n'))
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the error to tell is the first one
	}
	return err
}

// reportStop reports where nobody else does, once. Nobody can say here how the process will exit, nor what became of
// the points.
func (d *drainExtension) reportStop() {
	r, attached := d.process.Report()
	if !attached || r.Began == "" {
		return
	}
	d.reported.Do(func() {
		r.Outcome = drain.Clean
		if len(r.Errors) > 0 || len(r.Hung()) > 0 {
			r.Outcome = drain.Failed
		}
		d.emit(&r)
	})
}
