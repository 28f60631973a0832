package targetallocator

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func assigned(t *testing.T, a *allocator, job string) *Assignment {
	t.Helper()
	got, err := client(a.start(t)).Assigned(t.Context(), job)
	require.NoError(t, err)
	return got
}

func group() *allocator {
	return &allocator{targets: map[string]map[string][]targetJSON{
		"collector-1": {"a/b c": {target("h:1", "pod", "x")}},
		"collector-2": {"a/b c": {target("h:2", "pod", "x"), target("h:2", "pod", "y"), target("h:3")}, "other": {target("h:4")}},
		"collector-3": {},
	}}
}

func TestAssigned(t *testing.T) {
	got := assigned(t, group(), "a/b c")
	assert.Equal(t, []string{"collector-1", "collector-2", "collector-3"}, got.Collectors())
	assert.False(t, got.Empty())
	assert.Equal(t, []model.LabelSet{{"__address__": "h:1", "pod": "x"}}, got.Targets["collector-1"])
	for _, tc := range []struct {
		name      string
		target    model.LabelSet
		owner     string
		elsewhere bool
	}{
		{"ours", model.LabelSet{"__address__": "h:1", "pod": "x"}, "collector-1", false},
		{"moved", model.LabelSet{"__address__": "h:2", "pod": "x"}, "collector-2", true},
		{"the other of the address", model.LabelSet{"__address__": "h:2", "pod": "y"}, "collector-2", true},
		{"none of the address", model.LabelSet{"__address__": "h:2", "pod": "z"}, "", false},
		{"a label more", model.LabelSet{"__address__": "h:2", "pod": "x", "a": "b"}, "", false},
		{"a label less", model.LabelSet{"__address__": "h:2"}, "", false},
		{"empty is none", model.LabelSet{"__address__": "h:3", "pod": ""}, "collector-2", true},
		{"what Prometheus adds", model.LabelSet{
			"__address__": "h:3", "__meta_url": "http://allocator", "job": "a", "__scheme__": "http", "__metrics_path__": "/metrics",
			"__scrape_interval__": "1m", "__scrape_timeout__": "10s", "__param_module": "x",
		}, "collector-2", true},
		{"of another job", model.LabelSet{"__address__": "h:4"}, "", false},
		{"gone", model.LabelSet{"__address__": "h:9"}, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			owner, ok := got.Owner(tc.target)
			assert.Equal(t, tc.owner, owner)
			assert.Equal(t, tc.owner != "", ok)
			assert.Equal(t, tc.elsewhere, got.Elsewhere(tc.target))
		})
	}
}

func TestNobodyHasTargets(t *testing.T) {
	got := assigned(t, group(), "unknown")
	assert.True(t, got.Empty())
	assert.Len(t, got.Collectors(), 3)
	got = assigned(t, &allocator{}, "a")
	assert.True(t, got.Empty())
	assert.Empty(t, got.Collectors())
	assert.False(t, got.Elsewhere(model.LabelSet{"__address__": "h:1"}))
}

// The documentation of the operator has keys and groups that its code has no more.
func TestAssignedInTheOlderForm(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"collector-1": {"_link": "/jobs/job1/targets?collector_id=collector-1", "targets": [
			{"Targets": ["10.100.100.100", "10.100.100.101"], "Labels": {"namespace": "a_namespace", "pod": "a_pod"}}]}}`))
	}))
	defer srv.Close()
	got, err := client(srv, func(o *Options) { o.CollectorID = "x" }).Assigned(t.Context(), "job1")
	require.NoError(t, err)
	assert.True(t, got.Elsewhere(model.LabelSet{"__address__": "10.100.100.101", "namespace": "a_namespace", "pod": "a_pod"}))
}

func TestAssignedByOthers(t *testing.T) {
	for body, want := range map[string]string{
		"[]":            "targets of each collector were expected",
		"<html>":        "targets of each collector were expected",
		`{"a": [1, 2]}`: "targets of each collector were expected",
		"":              "unexpected end of JSON input",
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		_, err := client(srv).Assigned(t.Context(), "a b")
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `job "a b": `+srv.URL+"/jobs/a%20b/targets")
		srv.Close()
	}
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	_, err := client(srv).Assigned(t.Context(), "a")
	require.ErrorContains(t, err, "404")
}
