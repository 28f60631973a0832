package prometheuspullexporter

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// missedScrapes is how many expected scrapes may fail to come before that is worth a word.
const missedScrapes = 3

// vigil warns when nobody scrapes: once, until somebody does again.
type vigil struct {
	*pullExporter
	patience time.Duration
	// warned is the scrape after which none came.
	warned *time.Time
}

// keepVigil ends with ctx.
func (e *pullExporter) keepVigil(ctx context.Context) {
	if e.cfg.ScrapeInterval <= 0 {
		return
	}
	v := vigil{pullExporter: e, patience: missedScrapes * e.cfg.ScrapeInterval}
	timer := time.NewTimer(v.patience)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(v.look())
		}
	}
}

// look returns when it is time to look again.
func (v *vigil) look() time.Duration {
	last := v.scraped.Load()
	idle := time.Since(*last)
	if idle < v.patience {
		return v.patience - idle
	}
	if last != v.warned {
		v.warned = last
		v.set.Logger.Warn("Nobody scrapes the metrics", zap.String("endpoint", v.cfg.ServerConfig.NetAddr.Endpoint),
			zap.Duration("for", idle.Round(time.Second)), zap.Duration("scrape_interval", v.cfg.ScrapeInterval))
	}
	return v.patience
}
