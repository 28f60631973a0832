package lastgood

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is a provider whose configurations the test changes.
type source map[string]string

func (s source) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	text, ok := s[uri]
	if !ok {
		return nil, errors.New("no such location")
	}
	return confmap.NewRetrievedFromYAML([]byte(text))
}

func (source) Scheme() string { return "source" }

func (source) Shutdown(context.Context) error { return nil }

// fixture is a resolver, as the collector has one, over a Keeper.
type fixture struct {
	t       *testing.T
	source  source
	invalid error
	// afterTrial runs between the validation and the reading that it is for.
	afterTrial func()
	resolver   *confmap.Resolver
	logs       *observer.ObservedLogs
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, source: source{"source:top": "size: ${source:size}\nname: a", "source:size": "1"}}
	core, logs := observer.New(zap.InfoLevel)
	f.logs = logs
	factories := []confmap.ProviderFactory{confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return f.source })}
	keeper := New(func(ctx context.Context, record Wrap) error {
		if f.invalid != nil {
			return f.invalid
		}
		trial, err := confmap.NewResolver(confmap.ResolverSettings{URIs: []string{"source:top"}, ProviderFactories: record(factories)})
		if err == nil {
			_, err = trial.Resolve(ctx)
		}
		if f.afterTrial != nil {
			f.afterTrial()
		}
		return err
	})
	var err error
	f.resolver, err = confmap.NewResolver(confmap.ResolverSettings{
		URIs:              []string{Marker, "source:top"},
		ProviderFactories: keeper.Wrap(factories),
		ProviderSettings:  confmap.ProviderSettings{Logger: zap.New(core)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.resolver.Shutdown(context.Background())) })
	return f
}

func (f *fixture) reads(want map[string]any) {
	f.t.Helper()
	conf, err := f.resolver.Resolve(f.t.Context())
	require.NoError(f.t, err)
	assert.Equal(f.t, want, conf.ToStringMap())
}

func TestGoodReloadsAreTaken(t *testing.T) {
	f := newFixture(t)
	f.reads(map[string]any{"size": 1, "name": "a"})
	f.source["source:size"] = "2"
	f.reads(map[string]any{"size": 2, "name": "a"})
	assert.Zero(t, f.logs.Len())
}

func TestBadReloadIsAnsweredWithTheLastGoodOne(t *testing.T) {
	f := newFixture(t)
	f.reads(map[string]any{"size": 1, "name": "a"})
	f.source["source:top"] = "size: [not yaml"
	delete(f.source, "source:size")
	f.invalid = errors.New("line 1: not yaml")
	for range 2 {
		f.reads(map[string]any{"size": 1, "name": "a"})
	}
	require.Equal(t, 2, f.logs.Len())
	assert.Equal(t, "line 1: not yaml", f.logs.All()[0].ContextMap()["error"])

	f.invalid = nil
	f.source["source:top"] = "name: b"
	f.reads(map[string]any{"name": "b"})
}

func TestWhatWasValidatedIsWhatRuns(t *testing.T) {
	f := newFixture(t)
	f.reads(map[string]any{"size": 1, "name": "a"})
	f.source["source:top"] = "name: b"
	f.afterTrial = func() { delete(f.source, "source:top") }
	f.reads(map[string]any{"name": "b"})
	f.reads(map[string]any{"name": "b"}) // not to be had any more: the last good one stays
	assert.Equal(t, 1, f.logs.Len())
}

func TestFirstReadingIsNotValidated(t *testing.T) {
	f := newFixture(t)
	f.invalid = errors.New("not asked")
	delete(f.source, "source:top")
	_, err := f.resolver.Resolve(t.Context())
	require.ErrorContains(t, err, "no such location")
}

func TestScheme(t *testing.T) {
	require.NoError(t, confmaptest.ValidateProviderScheme(&marker{keeper: New(nil)}))
}
