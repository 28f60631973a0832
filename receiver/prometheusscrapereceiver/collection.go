package prometheusscrapereceiver

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/scrape"
)

// CollectionFunc collects the metrics of a job that is written in Go. It must heed its context.
type CollectionFunc = func(ctx context.Context) (pmetric.Metrics, error)

// Collection is a target in this process: a CollectionFunc or a prometheus.Gatherer, under the scheduler of scrapes. Like
// any target it has `up` and the other report metrics.
type Collection = scrape.Collection
