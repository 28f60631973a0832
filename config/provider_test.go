package config

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newProvider() confmap.Provider { return NewFactory().Create(confmap.ProviderSettings{}) }

func TestScheme(t *testing.T) {
	require.NoError(t, confmaptest.ValidateProviderScheme(newProvider()))
}

func TestRetrieveReturnsTheFileOfThatName(t *testing.T) {
	assert.Equal(t, []string{"default", "development", "forward", "kubernetes", "production"}, Names())
	for _, name := range Names() {
		got, err := newProvider().Retrieve(t.Context(), "builtin:"+name, nil)
		require.NoError(t, err)
		gotConf, err := got.AsConf()
		require.NoError(t, err)

		file, err := os.ReadFile(name + ".yaml")
		require.NoError(t, err)
		want, err := confmap.NewRetrievedFromYAML(file)
		require.NoError(t, err)
		wantConf, err := want.AsConf()
		require.NoError(t, err)
		assert.Equal(t, wantConf.ToStringMap(), gotConf.ToStringMap())
	}
}

func TestEmptyNameIsTheDefault(t *testing.T) {
	got, err := newProvider().Retrieve(t.Context(), "builtin:", nil)
	require.NoError(t, err)
	want, err := newProvider().Retrieve(t.Context(), Default, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestUnknownNamesAreListed(t *testing.T) {
	_, err := newProvider().Retrieve(t.Context(), "builtin:prod", nil)
	require.EqualError(t, err, `"builtin:prod": no such configuration; there are default, development, forward, kubernetes, production`)
	_, err = newProvider().Retrieve(t.Context(), "file:x", nil)
	require.ErrorContains(t, err, `not of scheme "builtin"`)
}

func TestShutdownTwice(t *testing.T) {
	p := newProvider()
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, p.Shutdown(t.Context()))
}
