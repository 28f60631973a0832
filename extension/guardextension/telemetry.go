package guardextension

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sluice-metrics/sluice/extension/guardextension/internal/metadata"
	"github.com/sluice-metrics/sluice/internal/limiter"
)

// observe makes the self-metrics of the guard. They are read when somebody looks.
func (g *guard) observe(set *extension.Settings) (*metadata.TelemetryBuilder, error) {
	t, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	id := attribute.String("guard", set.ID.String())
	self := metric.WithAttributes(id)
	single := func(read func() int64) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(read(), self)
			return nil
		}
	}
	errs := []error{
		t.RegisterGuardRequestsCallback(func(ctx context.Context, o metric.Int64Observer) error {
			g.server.decisions.observe(ctx, o, "server", id)
			g.backends.decisions.observe(ctx, o, "client", id)
			return nil
		}),
		t.RegisterGuardInFlightRequestsCallback(single(func() int64 { n, _ := g.server.inFlight.Now(); return n })),
		t.RegisterGuardInFlightBytesCallback(single(func() int64 { _, n := g.server.inFlight.Now(); return n })),
		t.RegisterGuardTokensCallback(func(_ context.Context, o metric.Float64Observer) error {
			g.tokens(o, id)
			return nil
		}),
		t.RegisterGuardBreakerStateCallback(func(_ context.Context, o metric.Int64Observer) error {
			for address, state := range g.backends.states(time.Now()) {
				o.Observe(int64(state), metric.WithAttributes(id, attribute.String("server_address", address)))
			}
			return nil
		}),
	}
	if k := g.server.keys; k != nil {
		errs = append(errs,
			t.RegisterGuardKeysCallback(single(func() int64 { n, _ := k.counts(); return int64(n) })),
			t.RegisterGuardEvictedKeysCallback(single(func() int64 { _, n := k.counts(); return n })))
	}
	if m := g.server.memory; m != nil {
		errs = append(errs, t.RegisterGuardMemoryBytesCallback(single(func() int64 {
			m.Open(time.Now())
			return int64(m.Used())
		})))
	}
	return t, errors.Join(errs...)
}

// tokens are those of buckets whose number is that of the configuration.
func (g *guard) tokens(o metric.Float64Observer, id attribute.KeyValue) {
	now := time.Now()
	bucket := func(b *limiter.Bucket, class string) {
		for of, name := range map[limiter.Limit]string{limiter.Requests: "requests", limiter.Bytes: "bytes"} {
			if tokens, ok := b.Tokens(now, of); ok {
				o.Observe(tokens, metric.WithAttributes(id, attribute.String("bucket", name), attribute.String("key_class", class)))
			}
		}
	}
	if g.server.total != nil {
		bucket(g.server.total, "none")
	}
	if k := g.cfg.Rate.PerKey.Get(); k != nil {
		for i := range k.Overrides {
			bucket(g.server.keys.named(i), overrideClass(g.server.decisions.classes, i))
		}
	}
}
