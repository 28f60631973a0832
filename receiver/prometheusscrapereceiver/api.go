package prometheusscrapereceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/receiver"
)

// apiServer serves a part of Prometheus' HTTP API.
type apiServer struct{}

func startAPI(context.Context, APIServerConfig, component.Host, receiver.Settings, *scrapeReceiver) (*apiServer, error) {
	return nil, nil
}

func (*apiServer) shutdown(context.Context) error { return nil }
