package prometheuspullexporter

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/sluice-metrics/sluice/exporter/prometheuspullexporter/internal/metadatatest"
)

func TestScrapesBeyondTheLimitAreRejected(t *testing.T) {
	e := newFixture(t, func(cfg *Config) {
		cfg.MaxConcurrentScrapes = 1
		cfg.Pages = []PageConfig{{Path: "/slo", Match: []string{"up"}}}
	})
	entered, release := make(chan struct{}), make(chan struct{})
	e.engine = &fakeEngine{e.engine, func(context.Context, io.Writer) error {
		close(entered)
		<-release
		return nil
	}}
	handler := e.handler()
	first, second := httptest.NewRecorder(), httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		handler.ServeHTTP(first, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	}()
	<-entered
	handler.ServeHTTP(second, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/slo", http.NoBody)) // one limit for all
	close(release)
	<-done
	assert.Equal(t, http.StatusOK, first.Code)
	assert.Equal(t, http.StatusServiceUnavailable, second.Code)
	assert.NotEmpty(t, second.Header().Get("Retry-After"))
	metadatatest.AssertEqualPrometheusPullScrapes(t, e.tel, []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(exporterID, attribute.String("outcome", "ok"))},
		{Value: 1, Attributes: attribute.NewSet(exporterID, attribute.String("outcome", "rejected"))},
	}, metricdatatest.IgnoreTimestamp())
}

func TestNoLimitOnScrapes(t *testing.T) {
	e := newFixture(t, func(cfg *Config) { cfg.MaxConcurrentScrapes = 0 })
	assert.Equal(t, http.StatusOK, e.request(t, http.MethodGet, "/metrics").Code)
}
