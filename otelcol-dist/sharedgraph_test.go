package main

import (
	"maps"
	"strings"
)

// graphs are the ways to the subject, as a PROCESSOR before EXPORTER or as the EXPORTER. What goes to sink/other is
// what the effect makes of it.
var graphs = map[string]struct {
	pipelines string
	other     effect
}{
	"one pipeline": {pipelines: `
    metrics: {receivers: [shared], processors: [PROCESSOR], exporters: [EXPORTER]}
`},
	"beside an exporter": {pipelines: `
    metrics: {receivers: [shared], processors: [PROCESSOR], exporters: [EXPORTER, nop/beside]}
`},
	"beside a pipeline that only reads": {other: unchanged, pipelines: `
    metrics: {receivers: [shared], processors: [PROCESSOR], exporters: [EXPORTER]}
    metrics/other: {receivers: [shared], exporters: [sink/other]}
`},
	"beside a pipeline that mutates": {other: marks, pipelines: `
    metrics: {receivers: [shared], processors: [PROCESSOR], exporters: [EXPORTER]}
    metrics/other: {receivers: [shared], processors: [attributes/other], exporters: [sink/other]}
`},
	"after a connector": {other: marks, pipelines: `
    metrics/in: {receivers: [shared], exporters: [forward]}
    metrics: {receivers: [forward], processors: [PROCESSOR], exporters: [EXPORTER]}
    metrics/other: {receivers: [forward], processors: [attributes/other], exporters: [sink/other]}
`},
}

// marks is what attributes/other does.
func marks(s series, add func(series)) {
	s.point = maps.Clone(s.point)
	if _, ok := s.point["host"]; ok {
		s.point["host"] = "other"
	}
	delete(s.point, "zone")
	add(s)
}

const surroundings = `
receivers:
  shared:
processors:
  attributes/other: {actions: [{action: update, key: host, value: other}, {action: delete, key: zone}]}
exporters:
  nop/beside:
  sink/changed:
  sink/other:
connectors:
  forward:
extensions:
  arrival:
    first: {protocols: {grpc: {endpoint: GRPC1}, http: {endpoint: HTTP}}}
    second: {protocols: {grpc: {endpoint: GRPC2}}}
service:
  extensions: [arrival]
  telemetry: {metrics: {level: none}}
`

// sinkName is the name of the exporter that a processor is before.
const sinkName = "changed"

// in is the configuration of a graph with the subject in its place.
func (s subject) in(pipelines string) []string {
	section, processor, exporter := "exporters", "", s.id
	if s.makes != nil {
		section, processor, exporter = "processors", s.id, "sink/"+sinkName
	}
	placed := strings.NewReplacer("PROCESSOR", processor, "EXPORTER", exporter).Replace(pipelines)
	return []string{surroundings, section + ":\n  " + s.id + ": " + s.config, "service:\n  pipelines:" + placed}
}
