package prometheusscrapereceiver

import (
	"context"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"
)

// watch reads config_file again when it is not what was seen last, and has not changed since the look before: it may be
// written at this moment. A new one that is wrong changes nothing.
func (r *scrapeReceiver) watch(ctx context.Context, seen uint64) {
	ticker := time.NewTicker(r.cfg.ConfigFilePollInterval)
	defer ticker.Stop()
	before := seen
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := fingerprint(r.cfg.ConfigFile)
		if now != seen && now == before {
			seen = now
			r.reload(ctx)
		}
		before = now
	}
}

func (r *scrapeReceiver) reload(ctx context.Context) {
	cfg, err := r.readConfig()
	if err == nil {
		err = r.apply(cfg)
	}
	r.telemetry.reloaded(ctx, err)
	if err != nil {
		r.set.Logger.Error("the changed configuration is not used", zap.Error(err))
		return
	}
	r.set.Logger.Info("the changed configuration is used", zap.String("config_file", r.cfg.ConfigFile))
}

// fingerprint is a hash of the file and of those that its scrape_config_files names. What cannot be read has one too.
func fingerprint(path string) uint64 {
	h := fnv.New64a()
	text, _ := os.ReadFile(path)
	_, _ = h.Write(text)
	var names struct {
		Files []string `yaml:"scrape_config_files"`
	}
	_ = yaml.Unmarshal(text, &names) // what is wrong is told when it is read
	for _, pattern := range names.Files {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(path), pattern)
		}
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			text, _ := os.ReadFile(f)
			_, _ = io.WriteString(h, f+"\x00")
			_, _ = h.Write(text)
		}
	}
	return h.Sum64()
}
