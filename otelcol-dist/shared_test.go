package main

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
)

// subject is a component, one way to configure it and the proof that it ran: what it makes of the series, or for an
// exporter what can be seen at its peer.
type subject struct {
	id, config string
	makes      effect
	seen       func(w *world) bool
}

func (s subject) componentType() component.Type {
	name, _, _ := strings.Cut(s.id, "/")
	return component.MustNewType(name)
}

// processorSubjects change shared attributes, or pass them on, by each kind of action, statement and rule.
var processorSubjects = []subject{
	{id: "memory_limiter", config: `{check_interval: 1s, limit_mib: 4000}`, makes: unchanged},
	{id: "batch", config: `{timeout: 10ms, send_batch_size: 7, send_batch_max_size: 7}`, makes: unchanged},
	{id: "attributes", config: `
    actions:
      - {action: update, key: host, value: changed}
      - {action: insert, key: added, value: "yes"}
      - {action: delete, key: zone}
      - {action: hash, key: secret}
      - {action: extract, key: path, pattern: "^/(?P<page>.*)$$"}
      - {action: upsert, key: env, from_attribute: page}
`, makes: edits(func(s *series) {
		digest := sha256.Sum256([]byte(s.point["secret"]))
		delete(s.point, "zone")
		maps.Copy(s.point, map[string]string{
			"host": "changed", "added": "yes", "secret": hex.EncodeToString(digest[:]), "page": "pay", "env": "pay",
		})
	})},
	{id: "resource", config: `
    attributes:
      - {action: upsert, key: team, value: changed}
      - {action: insert, key: pool, from_attribute: service.name}
      - {action: delete, key: service.instance.id}
`, makes: edits(func(s *series) {
		delete(s.resource, "service.instance.id")
		maps.Copy(s.resource, map[string]string{"team": "changed", "pool": s.resource["service.name"]})
	})},
	{id: "filter/inferred", config: `
    error_mode: propagate
    metric_conditions:
      - resource.attributes["service.name"] == "cart" and scope.attributes["lib"] == "net"
      - IsMatch(metric.name, "^requests_")
      - datapoint.attributes["env"] == "dev"
`, makes: keeps(wanted)},
	{id: "filter", config: `
    error_mode: propagate
    metrics:
      metric:
        - resource.attributes["service.name"] == "cart"
        - IsMatch(name, "^requests_")
      datapoint:
        - attributes["env"] == "dev"
`, makes: keeps(wanted)},
	{id: "transform", config: `
    error_mode: propagate
    metric_statements:
      - context: datapoint
        statements:` + strings.ReplaceAll(pointStatements, "PREFIX", "") + `
      - context: resource
        statements:` + strings.ReplaceAll(resourceStatements, "PREFIX", "") + `
      - context: scope
        statements:
          - set(attributes["lib"], "changed")
      - set(exemplar.filtered_attributes["user"], "nobody")
`, makes: edits(edited).then(anonymous)},
	{id: "transform/types", config: `
    error_mode: propagate
    metric_statements:
      - statements:` + metricStatements + `
      - statements:` + summaryStatements, makes: retyped},
	{id: "streamer/transform", config: `
    error_mode: propagate
    rules:
      - transform:` + strings.ReplaceAll(pointStatements, "PREFIX", "datapoint.") + `
      - transform:` + strings.ReplaceAll(resourceStatements, "PREFIX", "resource.") + `
      - transform:
          - set(scope.attributes["lib"], "changed")
`, makes: edits(edited)},
	{id: "streamer/types", config: `
    error_mode: propagate
    rules:
      - transform:` + metricStatements + `
      - transform:` + summaryStatements, makes: retyped},
	{id: "streamer/drop", config: `
    error_mode: propagate
    rules:
      - drop:
          - resource.attributes["service.name"] == "cart" and scope.attributes["lib"] == "net"
          - IsMatch(metric.name, "^requests_")
      - drop:
          - datapoint.attributes["env"] == "dev"
`, makes: keeps(wanted)},
	{id: "streamer/keep", config: `
    error_mode: propagate
    rules:
      - keep:
          - resource.attributes["service.name"] == "checkout"
      - keep:
          - not IsMatch(metric.name, "^requests_")
      - keep:
          - datapoint.attributes["env"] == "prod"
          - datapoint.attributes["env"] == "test"
`, makes: keeps(wanted)},
	{id: "streamer/none", config: `{}`, makes: unchanged},
	{id: "deltatocumulative", config: `{}`, makes: edits(func(s *series) {
		s.kind = strings.ReplaceAll(s.kind, "delta", "cumulative")
	})},
}

func wanted(s series) bool {
	return s.resource["service.name"] != "cart" && !strings.HasPrefix(s.name, "requests_") && s.point["env"] != "dev"
}

const (
	pointStatements = `
          - set(PREFIXattributes["host"], Concat([PREFIXattributes["host"], "changed"], "-"))
          - delete_key(PREFIXattributes, "zone")
          - delete_matching_keys(PREFIXattributes, "^env")
          - merge_maps(PREFIXattributes, {"path":"/other", "added":"yes"}, "upsert")
          - replace_pattern(PREFIXattributes["path"], "^/", "root-")
          - replace_all_patterns(PREFIXattributes, "key", "^secret", "hidden")
          - replace_all_matches(PREFIXattributes, "hunter*", "pw")
          - truncate_all(PREFIXattributes, 8)
          - limit(PREFIXattributes, 4, ["host"])`
	resourceStatements = `
          - set(PREFIXattributes["team"], "changed")
          - keep_matching_keys(PREFIXattributes, "^(service|team)")
          - keep_keys(PREFIXattributes, ["service.name", "team"])`
	metricStatements = `
          - convert_gauge_to_sum("cumulative", true) where metric.name == "queue"
          - convert_sum_to_gauge() where metric.name == "requests_cumulative"
          - convert_exponential_histogram_to_histogram("midpoint", [1.0, 10.0]) where metric.name == "size_cumulative"
          - extract_count_metric(true) where metric.name == "duration_cumulative"
          - copy_metric(name="copied") where metric.name == "requests_delta"
          - aggregate_on_attributes("sum", ["host"]) where metric.name == "requests_delta"`
	summaryStatements = `
          - convert_summary_sum_val_to_sum("cumulative", true) where metric.name == "latency" and datapoint.count >= 0`
)

// edited is what pointStatements and resourceStatements do.
func edited(s *series) {
	s.point = map[string]string{
		"host": (s.point["host"] + "-changed")[:8], "path": "root-oth", "added": "yes", "hidden": "pw",
	}
	s.resource = map[string]string{"service.name": s.resource["service.name"], "team": "changed"}
	s.scope = map[string]string{"lib": "changed"}
}

func anonymous(s series, add func(series)) {
	if len(s.exemplar) > 0 {
		s.exemplar = map[string]string{"sampled": "yes", "user": "nobody"}
	}
	add(s)
}

// retyped is what metricStatements and summaryStatements do.
func retyped(s series, add func(series)) {
	switch s.name {
	case "queue":
		s.kind = "Sumcumulative"
	case "requests_cumulative":
		s.kind = "Gauge"
	case "size_cumulative":
		s.kind = "Histogramcumulative"
	case "duration_cumulative":
		add(s.extracted("duration_cumulative_count"))
	case "latency":
		for range pointsOfMetric { // the statement runs for each point, and converts all of them
			add(s.extracted("latency_sum"))
		}
	case "requests_delta":
		copied := s
		copied.name = "copied"
		add(copied)
		s.point = map[string]string{"host": s.point["host"]}
	}
	add(s)
}

func (s series) extracted(name string) series {
	s.kind, s.name, s.exemplar = "Sumcumulative", name, map[string]string{}
	return s
}

// exporterSubjects read shared attributes by each path through the exporter's code that a setting opens. One connection
// to the HTTP server, because the server waits five seconds for those that nothing came over.
var exporterSubjects = []subject{
	{id: "nop", config: `{}`},
	{id: "debug", config: `{verbosity: detailed}`, seen: logged},
	{id: "otlp_grpc", config: `{endpoint: GRPC1, tls: {insecure: true}}`, seen: arrived},
	{id: "otlp_grpc/direct", config: `{endpoint: GRPC1, tls: {insecure: true}, sending_queue: {enabled: false}}`, seen: arrived},
	{id: "otlp_grpc/batched", config: `
    endpoint: GRPC1
    tls: {insecure: true}
    sending_queue: {batch: {flush_timeout: 10ms, min_size: 50, max_size: 70}}
`, seen: arrived},
	{id: "otlp_http", config: `{endpoint: "http://HTTP", max_conns_per_host: 1}`, seen: arrived},
	{id: "otlp_http/json", config: `{endpoint: "http://HTTP", max_conns_per_host: 1, encoding: json, sending_queue: {enabled: false}}`, seen: arrived},
	{id: "prometheus_pull", config: `{endpoint: PULL, resource_labels: {include: ["*"]}}`, seen: scraped},
	{id: "prometheus", config: `{endpoint: PULL}`, seen: scraped},
	{id: "prometheus/converted", config: `
    endpoint: PULL
    resource_to_telemetry_conversion: {enabled: true}
    sending_queue: {enabled: true, num_consumers: 2, queue_size: 100, sizer: requests}
`, seen: scraped},
	{id: "pushgateway", config: `{endpoint: GATEWAY, push_interval: 100ms}`, seen: pushed},
	{id: "prometheusremotewrite", config: `{endpoint: WRITE, send_metadata: true}`, seen: written},
	{id: "prometheusremotewrite/v2", config: `{endpoint: WRITE, protobuf_message: io.prometheus.write.v2.Request}`, seen: written},
	{id: "prometheusremotewrite/converted", config: `
    endpoint: WRITE
    resource_to_telemetry_conversion: {enabled: true}
`, seen: written},
	{id: "kafka", config: `{brokers: [KAFKA], producer: {compression: none}}`, seen: produced},
	{id: "kafka/json", config: `
    brokers: [KAFKA]
    producer: {compression: none}
    metrics: {encoding: otlp_json}
    sending_queue: {enabled: false}
`, seen: produced},
	{id: "kafka/partitioned", config: `
    brokers: [KAFKA]
    producer: {compression: none}
    partition_metrics_by_resource_attributes: true
`, seen: produced},
	balanced("service"), balanced("resource"), balanced("metric"), balanced("streamID"),
	balanced("attributes", "routing_attributes: [lib, env]"),
}

func balanced(by string, more ...string) subject {
	return subject{id: "loadbalancing/" + strings.ToLower(by), seen: arrived, config: `
    routing_key: ` + by + `
    ` + strings.Join(more, "") + `
    protocol: {otlp: {tls: {insecure: true}}}
    resolver: {static: {hostnames: [GRPC1, GRPC2]}}
`}
}

func arrived(w *world) bool  { return w.delivered("arrived", unchanged) }
func produced(w *world) bool { return w.delivered("kafka", unchanged) }
func written(w *world) bool  { return w.written.have(w.points) }

func scraped(w *world) bool {
	page := &labelSets{}
	return page.scrape("http://"+w.pull+"/metrics") == nil && page.have(w.points)
}

func pushed(w *world) bool {
	page := &labelSets{}
	return page.scrape(w.gateway+"/metrics") == nil && page.have(w.points)
}

func logged(w *world) bool {
	var text strings.Builder
	for _, e := range w.log.All() {
		text.WriteString(e.Message)
	}
	for _, a := range w.all() {
		for _, p := range a.want {
			if !strings.Contains(text.String(), "-> "+p.Key+": Str("+p.Value+")") {
				return false
			}
		}
	}
	return true
}

// ranIn tells whether the subject is seen to have done its work, and the pipeline beside it too.
func (s subject) ranIn(w *world, other effect) bool {
	if s.makes != nil && !w.delivered(sinkName, s.makes) || s.seen != nil && !s.seen(w) {
		return false
	}
	return other == nil || w.delivered("other", other)
}

// assertIn asserts that what arrived is all that should.
func (s subject) assertIn(w *world, other effect) {
	w.t.Helper()
	w.assertIntact(w.t)
	if s.makes != nil {
		w.assertDelivered(sinkName, s.makes)
	}
	if other != nil {
		w.assertDelivered("other", other)
	}
	for _, to := range []string{"arrived", "kafka"} {
		if len(w.sink(to).received()) > 0 {
			w.assertDelivered(to, unchanged)
		}
	}
}

func subjects() []subject { return slices.Concat(processorSubjects, exporterSubjects) }

func TestSharedAttributesStayIntact(t *testing.T) {
	gate(t, remoteWrite2)
	for _, s := range subjects() {
		for name, g := range graphs {
			t.Run(s.id+" "+name, func(t *testing.T) {
				w := newWorld(t, manySenders)
				w.run(s.in(g.pipelines), func() bool { return s.ranIn(w, g.other) })
				s.assertIn(w, g.other)
			})
		}
	}
}

// TestNothingIsSharedWhilePdataPools proves the same where pdata takes back what it has lent: then a slice in two points
// would be given back twice.
func TestNothingIsSharedWhilePdataPools(t *testing.T) {
	gate(t, remoteWrite2)
	gate(t, pref.UseProtoPooling.ID())
	g := graphs["beside a pipeline that mutates"]
	for _, s := range subjects() {
		t.Run(s.id, func(t *testing.T) {
			if s.id == "otlp_grpc/batched" {
				t.Skip("exporterhelper v0.159.0 pools requests whose parts it has moved to others, whoever made them")
			}
			w := newWorld(t, manySenders)
			w.run(s.in(g.pipelines), func() bool { return s.ranIn(w, g.other) })
			s.assertIn(w, g.other)
		})
	}
}

const remoteWrite2 = "exporter.prometheusremotewritexporter.enableSendingRW2"

// gate opens a feature gate until the test has ended.
func gate(t *testing.T, id string) {
	t.Helper()
	require.NoError(t, featuregate.GlobalRegistry().Set(id, true))
	t.Cleanup(func() { require.NoError(t, featuregate.GlobalRegistry().Set(id, false)) })
}

// TestWritableBatchesBreakTemplates shows that the tests above can fail.
func TestWritableBatchesBreakTemplates(t *testing.T) {
	w := newWorld(t, 1)
	w.writable = true
	s := processorSubjects[slices.IndexFunc(processorSubjects, func(s subject) bool { return s.id == "attributes" })]
	w.run(s.in(graphs["one pipeline"].pipelines), func() bool { return len(w.sink(sinkName).received()) > 0 })
	for _, a := range w.points {
		assert.False(t, a.intact())
	}
}

func TestEveryComponentOfTheManifestIsCovered(t *testing.T) {
	f, err := components()
	require.NoError(t, err)
	processors, exporters := map[component.Type]bool{}, map[component.Type]bool{}
	for _, s := range processorSubjects {
		processors[f.Processors[s.componentType()].Type()] = true
	}
	for _, s := range exporterSubjects {
		exporters[f.Exporters[s.componentType()].Type()] = true
	}
	for name, factory := range f.Processors {
		assert.True(t, processors[factory.Type()], "no configuration for processor %s in shared_test.go", name)
	}
	for name, factory := range f.Exporters {
		assert.True(t, exporters[factory.Type()], "no configuration for exporter %s in shared_test.go", name)
	}
	for name := range f.Connectors {
		assert.Contains(t, surroundings, "\n  "+name.String()+":", "no graph for connector %s in shared_test.go", name)
	}
}
