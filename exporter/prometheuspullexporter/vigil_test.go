package prometheuspullexporter

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// keepVigil watches with a scrape interval until the test ends, and returns the log.
func keepVigil(t *testing.T, e *fixture) *observer.ObservedLogs {
	t.Helper()
	core, logs := observer.New(zap.WarnLevel)
	e.set.Logger = zap.New(core)
	e.scraped.Store(new(time.Now()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.keepVigil(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return logs
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestUnscrapedIsWarnedOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newFixture(t, func(cfg *Config) { cfg.ScrapeInterval = time.Minute })
		logs := keepVigil(t, e)
		pass(3*time.Minute - time.Second)
		assert.Zero(t, logs.Len())
		pass(time.Second)
		require.Equal(t, 1, logs.Len())
		assert.Equal(t, 3*time.Minute, logs.All()[0].ContextMap()["for"])
		pass(time.Hour)
		assert.Equal(t, 1, logs.Len(), "no flood")

		require.Equal(t, http.StatusOK, e.request(t, http.MethodGet, "/metrics").Code)
		require.Equal(t, http.StatusOK, e.request(t, http.MethodHead, "/metrics").Code)
		pass(2 * time.Minute)
		e.request(t, http.MethodGet, "/metrics")
		pass(3*time.Minute - time.Second)
		assert.Equal(t, 1, logs.Len(), "a scrape starts the time anew")
		e.request(t, http.MethodHead, "/metrics")
		pass(time.Second)
		assert.Equal(t, 2, logs.Len(), "a HEAD request is no scrape")
	})
}

func TestVigilCanBeSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := keepVigil(t, newFixture(t, func(cfg *Config) { cfg.ScrapeInterval = 0 }))
		pass(24 * time.Hour)
		assert.Zero(t, logs.Len())
	})
}
