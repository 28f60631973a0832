// Package lastgood keeps a collector on its last good configuration when a reload brings a bad one.
//
// On a reload the collector stops its service first and reads the new configuration afterwards, so one typo ends
// the process. A Keeper stands between the collector and its configuration providers: when a reload begins, it has
// the new configuration validated, and answers the whole reading with what that validation read, or, if it failed,
// with what the last good one read.
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

// Wrap puts something in front of configuration providers.
type Wrap func([]confmap.ProviderFactory) []confmap.ProviderFactory

// Validate tells whether the configuration as it is now could run. It must read it through providers wrapped by
// record: what they answer is what runs if it is good. Changes that such a provider notices later go unheard.
type Validate func(ctx context.Context, record Wrap) error

// answers are what each location held. Their number is that of one configuration's locations. Safe for concurrent use.
type answers struct {
	mu   sync.Mutex
	held map[string]*confmap.Retrieved
}

func newAnswers() *answers { return &answers{held: map[string]*confmap.Retrieved{}} }

func (a *answers) get(uri string) (*confmap.Retrieved, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, ok := a.held[uri]
	return r, ok
}

func (a *answers) put(uri string, r *confmap.Retrieved) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held[uri] = r
}

// Keeper remembers what the locations held when the configuration was last good. Safe for concurrent use.
type Keeper struct {
	validate Validate

	mu   sync.Mutex
	good *answers // nil until the first reading, which has nothing to fall back to
}

// New returns a Keeper that asks validate before each reading but the first.
func New(validate Validate) *Keeper { return &Keeper{validate: validate} }

// Wrap returns factories whose providers answer through the Keeper, and one more for Marker.
func (k *Keeper) Wrap(factories []confmap.ProviderFactory) []confmap.ProviderFactory {
	mark := confmap.NewProviderFactory(func(set confmap.ProviderSettings) confmap.Provider {
		return &marker{keeper: k, logger: set.Logger}
	})
	return append(remembering(k.current)(factories), mark)
}

func (k *Keeper) current() *answers {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.good
}

// begin decides what the reading that starts now is answered with. The error says why the last good configuration
// stays.
func (k *Keeper) begin(ctx context.Context) error {
	fresh := newAnswers()
	if k.current() != nil {
		if err := k.validate(ctx, remembering(func() *answers { return fresh })); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.good = fresh
	return nil
}

// remembering wraps providers so that each location is read once for as long as memory returns the same answers.
func remembering(memory func() *answers) Wrap {
	return func(factories []confmap.ProviderFactory) []confmap.ProviderFactory {
		wrapped := make([]confmap.ProviderFactory, 0, len(factories)+1)
		for _, f := range factories {
			wrapped = append(wrapped, confmap.NewProviderFactory(func(set confmap.ProviderSettings) confmap.Provider {
				return &provider{Provider: f.Create(set), memory: memory}
			}))
		}
		return wrapped
	}
}

// provider answers from memory what memory holds.
type provider struct {
	confmap.Provider
	memory func() *answers
}

func (p *provider) Retrieve(ctx context.Context, uri string, watch confmap.WatcherFunc) (*confmap.Retrieved, error) {
	memory := p.memory()
	if r, ok := memory.get(uri); ok {
		return r, nil
	}
	r, err := p.Provider.Retrieve(ctx, uri, watch)
	if err == nil {
		memory.put(uri, r)
	}
	return r, err
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
