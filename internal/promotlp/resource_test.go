package promotlp

import (
	"net/url"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddressOfTheServer(t *testing.T) {
	for host, want := range map[string][2]any{
		"127.0.0.1:80": {"127.0.0.1", "80"}, "localhost:9": {"localhost", "9"}, "[::1]:80": {"::1", "80"}, "[::1]": {"::1", nil}, "a.b": {"a.b", nil},
	} {
		target := newTarget()
		target.URL = &url.URL{Scheme: "https", Host: host}
		md, err := scrapeAt(New(target, newOptions()), "x 1\n", text, began)
		require.NoError(t, err)
		got := resources(md)["shop host:80"]
		assert.Equal(t, want, [2]any{got["server.address"], got["server.port"]}, host)
		assert.Equal(t, "https", got["url.scheme"])
	}
}

func TestTargetInfoStaysWhileScrapesFail(t *testing.T) {
	c := New(newTarget(), newOptions())
	for i, step := range []struct {
		page string
		want any
	}{{"target_info{a=\"b\"} 1\nx 1\n", "b"}, {"bad bad bad\n", "b"}, {"target_info{a=\"c\"} 1\nx 1\n", "c"}, {"x 1\n", nil}} {
		md, _ := scrapeAt(c, step.page, text, began+int64(i))
		assert.Equal(t, step.want, resources(md)["shop host:80"]["a"], i)
		assert.NotContains(t, dump(t, md), "target_info")
	}
}

func TestTargetInfoOfAFederation(t *testing.T) {
	o := newOptions()
	o.HonorLabels = true
	page := "target_info{job=\"j\",instance=\"i:1\",a=\"b\"} 1\nx{job=\"j\",instance=\"i:1\"} 1\nx{job=\"k\",instance=\"i:2\"} 1\n"
	md, err := scrapeAt(New(newTarget(), o), page, text, began)
	require.NoError(t, err)
	all := resources(md)
	assert.Len(t, all, 3) // with that of the report
	assert.Equal(t, "b", all["j i:1"]["a"])
	assert.Equal(t, "1", all["j i:1"]["server.port"])
	assert.NotContains(t, all["k i:2"], "a")
	assert.NotContains(t, all["shop host:80"], "a")
}

func TestKubernetesAttributes(t *testing.T) {
	target := newTarget()
	target.Discovered = labels.FromStrings("__meta_kubernetes_namespace", "n", "__meta_kubernetes_pod_name", "p",
		"__meta_kubernetes_pod_controller_kind", "DaemonSet", "__meta_kubernetes_pod_controller_name", "d")
	md, err := scrapeAt(New(target, newOptions()), "x 1\n", text, began)
	require.NoError(t, err)
	got := resources(md)["shop host:80"]
	assert.Equal(t, []any{"n", "p", "d"}, []any{got["k8s.namespace.name"], got["k8s.pod.name"], got["k8s.daemonset.name"]})
}

func TestScopes(t *testing.T) {
	page := "x{otel_scope_name=\"n\",otel_scope_version=\"2\",otel_scope_schema_url=\"u\",otel_scope_a=\"b\",c=\"d\"} 1\nx 1\n"
	md, err := scrapeAt(New(newTarget(), newOptions()), page, text, began)
	require.NoError(t, err)
	scopes := md.ResourceMetrics().At(0).ScopeMetrics()
	require.Equal(t, 2, scopes.Len())
	named, own := scopes.At(0), scopes.At(1)
	assert.Equal(t, []string{"n", "2", "u"}, []string{named.Scope().Name(), named.Scope().Version(), named.SchemaUrl()})
	assert.Equal(t, map[string]any{"a": "b"}, named.Scope().Attributes().AsRaw())
	assert.Equal(t, map[string]any{"c": "d", "zone": "a"}, named.Metrics().At(0).Gauge().DataPoints().At(0).Attributes().AsRaw())
	assert.Equal(t, []string{"scraper", "1"}, []string{own.Scope().Name(), own.Scope().Version()})
}
