package inprocess

import (
	"slices"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Where the two follow different rules.

func TestPullRules_TargetInfo(t *testing.T) {
	const each = "the specification: every resource has one target_info"
	requireDifferences(t, []difference{
		{
			name: "resource without service", why: each,
			input:   []pmetric.Metrics{of([]string{"host.name", "h"}, gauge("g", 1))},
			contrib: []string{`{__name__="g"} 1`},
			sluice:  []string{`{__name__="g"} 1`, `{__name__="target_info", host_name="h"} 1`},
		},
		{
			name: "resource without instance", why: each,
			input:   []pmetric.Metrics{of([]string{"service.name", "s", "host.name", "h"}, gauge("g", 1))},
			contrib: []string{`{__name__="g", job="s"} 1`},
			sluice:  []string{`{__name__="g", job="s"} 1`, `{__name__="target_info", host_name="h", job="s"} 1`},
		},
		{
			name: "resource of a service and nothing else", why: "Prometheus' own OTLP endpoint leaves it out: it tells nothing",
			input: []pmetric.Metrics{of([]string{"service.name", "cart", "service.instance.id", "1"}, gauge("g", 1))},
			contrib: []string{
				`{__name__="g", instance="1", job="cart"} 1`,
				`{__name__="target_info", instance="1", job="cart"} 1`,
			},
			sluice: []string{`{__name__="g", instance="1", job="cart"} 1`},
		},
		{
			name: "colliding attributes", why: mustJoin,
			input: []pmetric.Metrics{of(append([]string{"a_b", "underscore", "a.b", "dot"}, target...), gauge("g", 1))},
			contrib: []string{
				`{__name__="g", instance="1", job="shop/cart"} 1`,
				`{__name__="target_info", a_b="underscore;dot", host_name="h", instance="1", job="shop/cart"} 1`,
			},
			sluice: []string{
				`{__name__="g", instance="1", job="shop/cart"} 1`,
				`{__name__="target_info", a_b="dot;underscore", host_name="h", instance="1", job="shop/cart"} 1`,
			},
		},
		{
			name: "namespace", why: "the specification: the name is target_info, which queries join with",
			conf:  map[string]any{"namespace": "shop"},
			input: []pmetric.Metrics{of(target, gauge("g", 1))},
			contrib: []string{
				`{__name__="shop_g", instance="1", job="shop/cart"} 1`,
				`{__name__="shop_target_info", host_name="h", instance="1", job="shop/cart"} 1`,
			},
			sluice: []string{
				`{__name__="shop_g", instance="1", job="shop/cart"} 1`,
				`{__name__="target_info", host_name="h", instance="1", job="shop/cart"} 1`,
			},
		},
		{
			name: "const_labels", why: "contrib's own README: they are applied for every exported metric",
			conf:  map[string]any{"const_labels": map[string]any{"region": "eu"}},
			input: []pmetric.Metrics{of(target, gauge("g", 1))},
			contrib: []string{
				`{__name__="g", instance="1", job="shop/cart", region="eu"} 1`,
				`{__name__="target_info", host_name="h", instance="1", job="shop/cart"} 1`,
			},
			sluice: []string{
				`{__name__="g", instance="1", job="shop/cart", region="eu"} 1`,
				`{__name__="target_info", host_name="h", instance="1", job="shop/cart", region="eu"} 1`,
			},
		},
	})
}

func TestPullRules_Names(t *testing.T) {
	const escaped = "translation_strategy says that names are escaped"
	requireDifferences(t, []difference{
		{
			name: "constant label", why: escaped, format: textUTF8,
			conf:    map[string]any{"const_labels": map[string]any{"a b": "eu"}},
			input:   of1(gauge("g", 1)),
			contrib: []string{`{__name__="g", "a b"="eu"} 1`},
			sluice:  []string{`{__name__="g", a_b="eu"} 1`},
		},
		{
			name: "namespace", why: escaped, format: textUTF8,
			conf:    map[string]any{"namespace": "test-space"},
			input:   of1(gauge("g", 1)),
			contrib: []string{`{__name__="test-space_g"} 1`},
			sluice:  []string{`{__name__="test_space_g"} 1`},
		},
		{
			name: "underscores in a row", why: "the specification: they MUST be one",
			input:   of1(gauge("g", 1, "a..b", "dots", "_c", "first")),
			contrib: []string{`{__name__="g", _c="first", a__b="dots"} 1`},
			sluice:  []string{`{__name__="g", _c="first", a_b="dots"} 1`},
		},
		{
			name: "attribute of the resource and of the point", why: "contrib's answer hides what the point says",
			conf:    map[string]any{"resource_to_telemetry_conversion": map[string]any{"enabled": true, "exclude_service_attributes": true}},
			input:   []pmetric.Metrics{of([]string{"host.name", "resource"}, gauge("g", 1, "host.name", "point"))},
			show:    func(p page) []string { return p.withoutTargets().values() },
			contrib: []string{`{__name__="g", host_name="resource"} 1`},
			sluice:  []string{`{__name__="g", host_name="resource;point"} 1`},
		},
	})
}

// Prometheus takes lines and labels in any order, and an empty label or help for none.
func TestPullRules_Lines(t *testing.T) {
	requireDifferences(t, []difference{
		{
			name: "order", why: "the order of arrival costs nothing", show: page.raw,
			input: of1(func(m pmetric.Metric) {
				m.SetName("g")
				points := m.SetEmptyGauge().DataPoints()
				addGauge(points, 1, "b", "2", "a", "2")
				addGauge(points, 2, "b", "1", "a", "1")
			}),
			contrib: []string{
				"# HELP g \n", "# TYPE g gauge\n",
				`g{a="1",b="1",otel_scope_name="",otel_scope_schema_url="",otel_scope_version=""} 2` + "\n",
				`g{a="2",b="2",otel_scope_name="",otel_scope_schema_url="",otel_scope_version=""} 1` + "\n",
			},
			sluice: []string{"# TYPE g gauge\n", `g{b="2",a="2"} 1` + "\n", `g{b="1",a="1"} 2` + "\n"},
		},
		{
			name: "created", why: "OpenMetrics: counters SHOULD have it", format: openMetrics, show: page.raw,
			conf:    map[string]any{"without_scope_info": true},
			input:   of1(described(counter("c", cumulative, 0, 10, 1), "", "Help.")),
			contrib: []string{"# HELP c Help.\n", "# TYPE c counter\n", "c_total 1.0\n", "# EOF\n"},
			sluice:  []string{"# HELP c Help.\n", "# TYPE c counter\n", "c_total 1\n", "c_created 1700000000\n", "# EOF\n"},
		},
	})
}

// TestPullCorpusDiffers shows what of a batch of faults is left on either page.
func TestPullCorpusDiffers(t *testing.T) {
	both := []string{
		`{__name__="jobs_total", job="billing"} 7`,
		`{__name__="latency_milliseconds", job="billing", quantile="0.5"} 5`,
		`{__name__="latency_milliseconds", job="billing", quantile="0.99"} 9`,
		`{__name__="latency_milliseconds_count", job="billing"} 10`,
		`{__name__="latency_milliseconds_sum", job="billing"} 55.5`,
		`{__name__="ratio", job="billing"} 0.25`,
	}
	requireDifferences(t, []difference{{
		name: "stale_and_delta", why: "see the faults of attributes and stale points, and of target_info",
		conf:    map[string]any{"without_scope_info": true},
		input:   []pmetric.Metrics{corpus(t, "stale_and_delta")},
		contrib: both,
		sluice: slices.Concat([]string{`{__name__="colliding", a_b="dot;score", job="billing"} 1`}, both, []string{
			`{__name__="target_info", host_name="a\"b\\c", job="billing"} 1`,
			`{__name__="temperature_celsius", job="billing", room="here"} 21.5`,
		}),
	}})
}
