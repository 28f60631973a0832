package prometheuspullexporter

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestResourceLabels(t *testing.T) {
	r := ResourceLabels{Include: []string{"k8s.*", "host.name", "*.version"}, Exclude: []string{"k8s.*.uid", "k8s.node*"}}
	match := r.matcher()
	for key, want := range map[string]bool{
		"k8s.pod.name":       true,
		"k8s.":               true,
		"host.name":          true,
		"service.version":    true,
		".version":           true,
		"k8s.pod.uid":        false,
		"k8s.node":           false,
		"k8s.node.name":      false,
		"host.names":         false,
		"a.host.name":        false,
		"service.versioning": false,
		"":                   false,
	} {
		assert.Equal(t, want, match(key), key)
	}
	assert.Nil(t, (&ResourceLabels{}).matcher(), "nothing is included by default")
}

func TestGlobsAsRegularExpressions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab.*]{0,6}`).Draw(t, "pattern")
		key := rapid.StringMatching(`[ab.]{0,8}`).Draw(t, "key")
		re := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
		require.Equal(t, re.MatchString(key), compileGlobs([]string{pattern}).match(key))
	})
}
