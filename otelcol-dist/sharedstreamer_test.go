package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
)

// These are the tests of ADR 0009: the streamer declares that it mutates nothing, and may be anywhere in a graph.

// arrangement is a graph around a streamer. Many stand beside each other in one collector.
type arrangement struct {
	// name is part of the names of its receiver, connector and exporters.
	name string
	// pipelines and exporters are 1 or 2; the second pipeline has a streamer of its own.
	pipelines, exporters int
	// mutator is who else mutates.
	mutator mutator
	// connector says that the batches come from another pipeline.
	connector bool
}

type mutator string

// A mutator is nobody, a processor before or behind the streamer, an exporter, or the pipeline beside.
const (
	nobody mutator = "nobody"
	before mutator = "before"
	behind mutator = "behind"
	sender mutator = "exporter"
	beside mutator = "beside"
)

// streamerRules are rules and what they make of a series.
var streamerRules = map[string]struct {
	rules string
	makes effect
}{
	"quiet": {makes: unchanged, rules: `
      - drop: ['metric.name == "nosuch"', 'datapoint.attributes["env"] == "nosuch"']
      - transform: ['set(datapoint.attributes["host"], "x") where datapoint.attributes["host"] == "nosuch"']
      - relabel: [{source_labels: [env], regex: nosuch, action: drop}]
      - constrain: {min: -1, on_violation: drop}`},
	"edits": {makes: edits(edited), rules: `
      - transform:` + strings.ReplaceAll(pointStatements, "PREFIX", "datapoint.") + `
      - transform:` + strings.ReplaceAll(resourceStatements, "PREFIX", "resource.") + `
      - transform: ['set(scope.attributes["lib"], "changed")']`},
	"drops": {makes: keeps(wanted), rules: `
      - drop: ['resource.attributes["service.name"] == "cart"', 'IsMatch(metric.name, "^requests_")']
      - drop: ['datapoint.attributes["env"] == "dev"']`},
	"relabels": {makes: edits(func(s *series) { s.point["pod"] = s.point["host"]; delete(s.point, "host") }), rules: `
      - relabel: [{source_labels: [host], target_label: pod}, {action: labeldrop, regex: host}]`},
}

func arrangements() (all []arrangement) {
	for _, connector := range []bool{false, true} {
		for pipelines := 1; pipelines <= 2; pipelines++ {
			for exporters := 1; exporters <= 2; exporters++ {
				for _, m := range []mutator{nobody, before, behind, sender, beside} {
					if m == beside && pipelines == 1 {
						continue
					}
					name := fmt.Sprintf("%dp%de-%s-%v", pipelines, exporters, m, connector)
					all = append(all, arrangement{name, pipelines, exporters, m, connector})
				}
			}
		}
	}
	return all
}

// effects are what the sinks of the arrangement get.
func (a arrangement) effects(rules string) map[string]effect {
	first := streamerRules[rules].makes
	switch a.mutator {
	case before:
		first = effect(marks).then(first)
	case behind:
		first = first.then(marks)
	case nobody, sender, beside:
	}
	to := map[string]effect{"first-" + a.name: first}
	if a.exporters == 2 {
		to["too-"+a.name] = first
	}
	if a.pipelines == 2 {
		to["second-"+a.name] = streamerRules["edits"].makes
		if a.mutator == beside {
			to["second-"+a.name] = marks
		}
	}
	return to
}

func (a arrangement) pipelinesConfig() string {
	from, processors, exporters, second := "shared/", "streamer/first", "sink/first-NAME", "streamer/second"
	switch a.mutator {
	case before:
		processors = "attributes/other, " + processors
	case behind:
		processors += ", attributes/other"
	case sender:
		exporters = "scribbler/first-NAME"
	case beside:
		second = "attributes/other"
	case nobody:
	}
	if a.exporters == 2 {
		exporters += ", direct/too-NAME"
	}
	text := ""
	if a.connector {
		from, text = "forward/", `
    metrics/in-NAME: {receivers: [shared/NAME], exporters: [forward/NAME]}`
	}
	text += `
    metrics/first-NAME: {receivers: [` + from + `NAME], processors: [` + processors + `], exporters: [` + exporters + `]}`
	if a.pipelines == 2 {
		text += `
    metrics/second-NAME: {receivers: [` + from + `NAME], processors: [` + second + `], exporters: [sink/second-NAME]}`
	}
	return strings.ReplaceAll(text, "NAME", a.name)
}

// graphOf is the configuration of all arrangements in one collector.
func graphOf(all []arrangement, rules string) []string {
	var receivers, connectors, exporters, pipelines strings.Builder
	for _, a := range all {
		_, _ = fmt.Fprintf(&receivers, "\n  shared/%s:", a.name)
		if a.connector {
			_, _ = fmt.Fprintf(&connectors, "\n  forward/%s:", a.name)
		}
		for _, e := range []string{"sink/first", "direct/too", "sink/second", "scribbler/first"} {
			_, _ = fmt.Fprintf(&exporters, "\n  %s-%s:", e, a.name)
		}
		pipelines.WriteString(a.pipelinesConfig())
	}
	return []string{surroundings, `
receivers:` + receivers.String() + `
processors:
  streamer/first:
    error_mode: propagate
    rules:` + streamerRules[rules].rules + `
  streamer/second:
    error_mode: propagate
    rules:` + streamerRules["edits"].rules + `
connectors:` + connectors.String() + `
exporters:` + exporters.String() + `
service:
  extensions: []
  pipelines:` + pipelines.String()}
}

// leavesIntact proves that each exporter of each arrangement gets what it should, and that what a receiver shares stays as
// it is; once with a receiver that shares, once with one that hands its batches over.
func leavesIntact(t *testing.T, all []arrangement) {
	t.Helper()
	for rules := range streamerRules {
		for _, own := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, own batches %v", rules, own), func(t *testing.T) {
				w := newWorld(t, 1)
				w.own = own
				effects := map[string]effect{}
				for _, a := range all {
					maps.Copy(effects, a.effects(rules))
				}
				w.run(graphOf(all, rules), func() bool {
					for to, e := range effects {
						if !w.delivered(to, e) {
							return false
						}
					}
					return true
				})
				w.assertIntact(t)
				for to, e := range effects {
					w.assertDelivered(to, e)
				}
			})
		}
	}
}

func TestStreamerLeavesIntactWhatOthersHold(t *testing.T) { leavesIntact(t, arrangements()) }

func TestStreamerLeavesIntactWhatOthersHoldWhilePdataPools(t *testing.T) {
	gate(t, pref.UseProtoPooling.ID())
	leavesIntact(t, slices.DeleteFunc(arrangements(), arrangement.freedTooSoon))
}

// freedTooSoon tells whether the collector itself, v0.159.0, gives a batch back to the pool that is still in use, whoever
// is in the pipelines: the first of several that get a batch from a receiver counts as its owner.
func (a arrangement) freedTooSoon() bool {
	return a.pipelines == 2 && !a.connector && (a.mutator == nobody || a.mutator == sender)
}

// TestStreamerEditsInPlaceWhatIsNotMarked shows that the tests above can fail: a receiver that shares without saying so
// finds its templates changed.
func TestStreamerEditsInPlaceWhatIsNotMarked(t *testing.T) {
	w := newWorld(t, 1)
	w.writable = true
	a := arrangement{name: "a", pipelines: 1, exporters: 1, mutator: nobody}
	graph := graphOf([]arrangement{a}, "edits")
	// An exporter that reads later would race with the next batch.
	graph[1] = strings.Replace(graph[1], "exporters: [sink/first-a]", "exporters: [direct/too-a]", 1)
	w.run(graph, func() bool { return len(w.sink("too-a").received()) > 0 })
	for _, point := range w.points {
		assert.False(t, point.intact())
	}
}

var scribblerType = component.MustNewType("scribbler")

// scribbler is a sink that says it mutates, and does so for as long as it can.
type scribbler struct{ *sink }

func (w *world) newScribbler(_ context.Context, set exporter.Settings, _ component.Config) (exporter.Metrics, error) {
	return scribbler{w.sink(set.ID.Name())}, nil
}

func (scribbler) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

func (s scribbler) ConsumeMetrics(_ context.Context, md pmetric.Metrics) error {
	pref.RefMetrics(md)
	s.reading.Go(func() {
		defer pref.UnrefMetrics(md)
		s.read(md)
		scribble(md)
	})
	return nil
}

var directType = component.MustNewType("direct")

// direct is a sink that is done with what it got when its call returns, as an exporter without a queue.
type direct struct{ *sink }

func (w *world) newDirect(_ context.Context, set exporter.Settings, _ component.Config) (exporter.Metrics, error) {
	return direct{w.sink(set.ID.Name())}, nil
}

func (s direct) ConsumeMetrics(_ context.Context, md pmetric.Metrics) error {
	s.read(md)
	return nil
}

func scribble(md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		scribbleOn(rm.Resource().Attributes())
		for _, sm := range rm.ScopeMetrics().All() {
			scribbleOn(sm.Scope().Attributes())
			for _, m := range sm.Metrics().All() {
				for point, exemplar := range pointsOf(m) {
					scribbleOn(point)
					scribbleOn(exemplar)
				}
			}
		}
	}
}

func scribbleOn(m pcommon.Map) {
	for _, v := range m.All() {
		v.SetStr("scribbled")
	}
}
