package overseer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

// Overseer wraps factories. Safe for concurrent use.
type Overseer struct {
	ledger *ledger.Ledger
	// limit is how long a component may take to stop, read when one begins to; 0 for as long as it likes.
	limit func() time.Duration

	enquiry enquiry

	mu         sync.Mutex
	extensions map[component.ID]extension.Extension // of the present configuration
	hung       map[component.ID]*atomic.Bool        // its receivers
}

// New returns an overseer that books in l, and leaves behind a component that stops for longer than limit says.
func New(l *ledger.Ledger, limit func() time.Duration) *Overseer {
	o := &Overseer{ledger: l, limit: limit}
	o.forget()
	return o
}

// Wrap returns create with all factories wrapped. The collector calls it for each configuration that it runs.
func (o *Overseer) Wrap(create func() (otelcol.Factories, error)) func() (otelcol.Factories, error) {
	return func() (otelcol.Factories, error) {
		f, err := create()
		if err != nil {
			return f, err
		}
		o.forget()
		for t, factory := range f.Receivers {
			f.Receivers[t] = o.receiverFactory(factory)
		}
		for t, factory := range f.Processors {
			f.Processors[t] = o.processorFactory(factory)
		}
		for t, factory := range f.Exporters {
			f.Exporters[t] = o.exporterFactory(factory)
		}
		for t, factory := range f.Extensions {
			f.Extensions[t] = extensionFactory{factory, o}
		}
		return f, nil
	}
}

// extensionFactory notes the extensions of a configuration; they are not wrapped, because what an extension can do is
// seen from its type.
type extensionFactory struct {
	extension.Factory
	overseer *Overseer
}

func (f extensionFactory) DeprecatedAlias() component.Type { return aliasOf(f.Factory) }

func (extensionFactory) SetDeprecatedAlias(component.Type) {}

// aliasHolder is what the collector asks of factories that have an old name; wrapping must not hide it.
type aliasHolder interface{ DeprecatedAlias() component.Type }

func aliasOf(f component.Factory) component.Type {
	if holder, ok := f.(aliasHolder); ok {
		return holder.DeprecatedAlias()
	}
	return component.Type{}
}

// forget begins a new configuration.
func (o *Overseer) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.extensions, o.hung = map[component.ID]extension.Extension{}, map[component.ID]*atomic.Bool{}
}

func (o *Overseer) note(id component.ID, ext extension.Extension) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.extensions[id] = ext
}

// Watchers are the extensions that the collector tells, as it tells self, that the pipelines stop. An extension that
// makes it wait should depend on them, so that they have been told before. Those that depend on self themselves are
// left out, and so are others of its type.
func (o *Overseer) Watchers(self component.ID) []component.ID {
	o.mu.Lock()
	defer o.mu.Unlock()
	var ids []component.ID
	for id, ext := range o.extensions {
		_, watches := ext.(extensioncapabilities.PipelineWatcher)
		if watches && id.Type() != self.Type() && !o.dependsOn(id, self.Type(), nil) {
			ids = append(ids, id)
		}
	}
	return ids
}

// dependsOn needs mu. path is what was asked on the way here: a circle is the collector's to report.
func (o *Overseer) dependsOn(id component.ID, t component.Type, path []component.ID) bool {
	dependent, ok := o.extensions[id].(extensioncapabilities.Dependent)
	if !ok || slices.Contains(path, id) {
		return false
	}
	return slices.ContainsFunc(dependent.Dependencies(), func(other component.ID) bool {
		return other.Type() == t || o.dependsOn(other, t, append(path, id))
	})
}
