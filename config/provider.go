// Package config holds the configurations that Sluice ships and serves them to the collector as `builtin:NAME`.
package config

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

const scheme = "builtin"

// Default is the location of the configuration that runs when none is given.
const Default = scheme + ":default"

//go:embed default.yaml production.yaml development.yaml forward.yaml kubernetes.yaml
var files embed.FS

// NewFactory returns the factory of the provider for the scheme `builtin`.
func NewFactory() confmap.ProviderFactory {
	return confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return provider{} })
}

type provider struct{}

// Retrieve returns the configuration that uri names, such as builtin:production. `builtin:` is the default one.
func (provider) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	name, ok := strings.CutPrefix(uri, scheme+":")
	if !ok {
		return nil, fmt.Errorf("%q: not of scheme %q", uri, scheme)
	}
	if name == "" {
		name = "default"
	}
	yaml, err := files.ReadFile(name + ".yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q: no such configuration; there are %s", uri, strings.Join(Names(), ", "))
	}
	if err != nil {
		return nil, err
	}
	return confmap.NewRetrievedFromYAML(yaml)
}

func (provider) Scheme() string { return scheme }

func (provider) Shutdown(context.Context) error { return nil }

// Names lists the configurations that Sluice ships, sorted.
func Names() []string {
	entries, _ := files.ReadDir(".") // reading an embedded folder cannot fail
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}
