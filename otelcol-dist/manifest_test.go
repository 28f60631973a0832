package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"
)

const ownModule = "github.com/sluice-metrics/sluice"

type module struct {
	GoMod  string `yaml:"gomod"`
	Import string `yaml:"import"`
	Path   string `yaml:"path"`
}

func (m module) split() (path, version string) {
	path, version, _ = strings.Cut(m.GoMod, " ")
	return path, version
}

func (m module) own() bool {
	path, _ := m.split()
	return path == ownModule
}

// manifest is what the tests read of builder-config.yaml.
type manifest struct {
	Dist struct {
		Version     string
		Description string
	}
	Receivers, Processors, Exporters, Extensions, Connectors, Providers []module
	Replaces                                                            []string
}

func readManifest(t *testing.T) manifest {
	t.Helper()
	text, err := os.ReadFile("../builder-config.yaml")
	require.NoError(t, err)
	var m manifest
	require.NoError(t, yaml.Unmarshal(text, &m))
	return m
}

func readGoMod(t *testing.T) *modfile.File {
	t.Helper()
	text, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	f, err := modfile.Parse("go.mod", text, nil)
	require.NoError(t, err)
	return f
}

func TestManifestListsTheComponentFolders(t *testing.T) {
	m := readManifest(t)
	for kind, entries := range map[string][]module{
		"receiver": m.Receivers, "processor": m.Processors, "exporter": m.Exporters, "extension": m.Extensions,
	} {
		var want, got []string
		for _, depth := range []string{"/*", "/*/*"} {
			folders, err := filepath.Glob("../" + kind + depth + "/metadata.yaml")
			require.NoError(t, err)
			for _, f := range folders {
				want = append(want, ownModule+strings.TrimPrefix(filepath.ToSlash(filepath.Dir(f)), ".."))
			}
		}
		for _, e := range entries {
			if e.own() {
				got = append(got, e.Import)
				assert.Equal(t, ".", e.Path, "%s: a clone must build itself", e.Import)
			}
		}
		assert.ElementsMatch(t, want, got, kind)
	}
}

func TestManifestVersionsAreThoseOfGoMod(t *testing.T) {
	versions := map[string]string{}
	for _, r := range readGoMod(t).Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	m := readManifest(t)
	for _, entries := range [][]module{m.Receivers, m.Processors, m.Exporters, m.Extensions, m.Connectors, m.Providers} {
		for _, e := range entries {
			if path, version := e.split(); !e.own() {
				assert.Equal(t, versions[path], version, path)
			}
		}
	}
}

func TestManifestReplacesAreThoseOfGoMod(t *testing.T) {
	var want []string
	for _, r := range readGoMod(t).Replace {
		want = append(want, r.Old.Path+" => "+r.New.Path+" "+r.New.Version)
	}
	assert.Equal(t, want, readManifest(t).Replaces)
}

func TestManifestDescribesThisBinary(t *testing.T) {
	m := readManifest(t)
	assert.Equal(t, version, m.Dist.Version)
	assert.Equal(t, description, m.Dist.Description)
}

func TestProvidersAreThoseOfTheManifest(t *testing.T) {
	var want []string
	for _, e := range readManifest(t).Providers {
		want = append(want, e.GoMod)
	}
	var got []string
	for _, p := range providers() {
		got = append(got, p.module)
		scheme := p.factory.Create(confmap.ProviderSettings{}).Scheme()
		assert.Contains(t, settings(nil).ProviderModules, scheme)
	}
	assert.Equal(t, want, got)
}
