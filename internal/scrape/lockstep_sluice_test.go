package scrape_test

import (
	"context"
	"sync"
	"testing"

	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/scrape"
	"github.com/sluice-metrics/sluice/internal/scrapeconfig"
)

// sluiceServer is our side.
type sluiceServer struct {
	*scrape.Manager
	out  recorder
	stop func() error
}

func startSluice(t *testing.T, cfg *scrapeconfig.Config, customBuckets bool) *sluiceServer {
	t.Helper()
	s := &sluiceServer{}
	s.Manager = scrape.NewManager(scrape.Settings{
		Logger: zap.NewNop(), UserAgent: "sluice", Scope: "sluice", Consume: func(_ context.Context, md pmetric.Metrics) error {
			samples, err := translation{scope: "sluice", customBuckets: customBuckets}.samples(md)
			if err != nil {
				t.Errorf("Prometheus' converter: %v", err)
			}
			s.out.put(samples)
			return nil
		},
	})
	s.stop = sync.OnceValue(func() error { return s.Shutdown(context.Background()) })
	t.Cleanup(func() { require.NoError(t, s.stop()) })
	require.NoError(t, s.Apply(cfg))
	return s
}

func (s *sluiceServer) discovered(groups map[string][]*targetgroup.Group) { s.Discovered(groups) }
