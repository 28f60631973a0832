// Package lastgood keeps a collector on its last good configuration when a reload brings a bad one.
//
// On a reload the collector stops its service first and reads the new configuration afterwards, so one typo ends
// the process. A Keeper stands between the collector and its configuration providers: before a reload reads
// anything, it has the new configuration validated, and when that fails it answers the whole reload with what the
// last good one read.
//
//	            resolve: Marker, file:a.yaml, ${env:X} …
//	collector ──────────────────────────────────────────▶ Keeper ──▶ providers
//	                    Marker: validate, choose new or last good
package lastgood

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"
)

const scheme = "lastgood"

// Marker is the location that must come first in a collector's list: reading it tells the Keeper that a reading of
// the whole configuration begins. It holds an empty configuration.
const Marker = scheme + ":"

// Validate tells whether the configuration as it is now could run.
type Validate func(context.Context) error

// Keeper remembers what each location held when the configuration was last good. The number of locations is that of
// one configuration: what a good reading did not ask for is forgotten. Safe for concurrent use.
type Keeper struct {
	validate Validate

	mu struct {
		sync.Mutex
		loaded   bool // a configuration has been read before
		fallback bool // this reading is answered from good
		good     map[string]*confmap.Retrieved
	}
}

// New returns a Keeper that asks validate before each reading but the first: a collector that cannot start has
// nothing to fall back to.
func New(validate Validate) *Keeper { return &Keeper{validate: validate} }

// Wrap returns factories whose providers answer through the Keeper, and one more for Marker.
func (k *Keeper) Wrap(factories []confmap.ProviderFactory) []confmap.ProviderFactory {
	wrapped := []confmap.ProviderFactory{confmap.NewProviderFactory(func(set confmap.ProviderSettings) confmap.Provider {
		return &marker{keeper: k, logger: set.Logger}
	})}
	for _, f := range factories {
		wrapped = append(wrapped, confmap.NewProviderFactory(func(set confmap.ProviderSettings) confmap.Provider {
			return &kept{Provider: f.Create(set), keeper: k}
		}))
	}
	return wrapped
}

// begin decides what the reading that starts now is answered with. The error says why the last good configuration
// stays.
func (k *Keeper) begin(ctx context.Context) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.loaded {
		err = k.validate(ctx)
	}
	k.mu.loaded = true
	k.mu.fallback = err != nil
	if !k.mu.fallback {
		k.mu.good = map[string]*confmap.Retrieved{}
	}
	return err
}

// kept returns the last good answer for uri, if this reading is to be given that.
func (k *Keeper) kept(uri string) (*confmap.Retrieved, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.mu.fallback {
		return nil, false
	}
	r, ok := k.mu.good[uri]
	return r, ok
}

func (k *Keeper) keep(uri string, r *confmap.Retrieved) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.good[uri] = r
}

// marker is the provider of Marker.
type marker struct {
	keeper *Keeper
	logger *zap.Logger
}

func (m *marker) Retrieve(ctx context.Context, _ string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	if err := m.keeper.begin(ctx); err != nil && m.logger != nil {
		m.logger.Error("The new configuration is not valid; the last good one stays in force", zap.Error(err))
	}
	return confmap.NewRetrieved(map[string]any{})
}

func (*marker) Scheme() string { return scheme }

func (*marker) Shutdown(context.Context) error { return nil }

// kept is a provider whose answers the Keeper remembers.
type kept struct {
	confmap.Provider
	keeper *Keeper
}

func (p *kept) Retrieve(ctx context.Context, uri string, watch confmap.WatcherFunc) (*confmap.Retrieved, error) {
	if r, ok := p.keeper.kept(uri); ok {
		return r, nil
	}
	r, err := p.Provider.Retrieve(ctx, uri, watch)
	if err == nil {
		p.keeper.keep(uri, r)
	}
	return r, err
}
