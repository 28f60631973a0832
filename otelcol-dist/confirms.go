package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.uber.org/zap"

	"github.com/sluice-metrics/sluice/internal/overseer"
)

// A streamer's buffer is rid of a batch when what follows has taken it. If that answers before it has delivered, what the
// buffer promises holds no further than there. It is not wrong to want so, and easy to overlook, as queues are on by
// default.
const unconfirmedMessage = "What follows a streamer's buffer answers before it has delivered: " +
	"points that were acknowledged may be lost there, out of order, or counted as delivered too soon"

// confirming warns of that whenever a configuration is read, and changes nothing.
func confirming(factories func() (otelcol.Factories, error)) confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(set confmap.ConverterSettings) confmap.Converter {
		return confirms{set.Logger, factories}
	})
}

type confirms struct {
	logger    *zap.Logger // nil where nobody reads it
	factories func() (otelcol.Factories, error)
}

// Convert returns no error: what is wrong with the configuration is the collector's to say.
func (c confirms) Convert(_ context.Context, conf *confmap.Conf) error {
	w := newWiring(conf)
	if c.logger == nil || !slices.ContainsFunc(slices.Collect(maps.Keys(w.processors)), w.buffers) {
		return nil
	}
	f, err := c.factories()
	if err != nil {
		return nil //nolint:nilerr // the collector needs them too
	}
	for _, found := range w.unconfirmed(f.Exporters) {
		c.logger.Warn(unconfirmedMessage, zap.String("pipeline", found.pipeline), zap.String("streamer", found.streamer),
			zap.String(found.kind, found.id), zap.String("change", found.change))
	}
	return nil
}

// wiring is what can be seen of pipelines in a configuration that may be wrong.
type wiring struct {
	pipelines                         map[string]pipelineConfig
	processors, exporters, connectors map[string]any
}

type pipelineConfig struct {
	Receivers  []string `mapstructure:"receivers"`
	Processors []string `mapstructure:"processors"`
	Exporters  []string `mapstructure:"exporters"`
}

func newWiring(conf *confmap.Conf) *wiring {
	w := &wiring{}
	if service, err := conf.Sub("service::pipelines"); err == nil {
		_ = service.Unmarshal(&w.pipelines, confmap.WithIgnoreUnused())
	}
	all := conf.ToStringMap()
	w.processors, _ = all["processors"].(map[string]any)
	w.exporters, _ = all["exporters"].(map[string]any)
	w.connectors, _ = all["connectors"].(map[string]any)
	return w
}

// buffer is the buffer section of a streamer, and whether it has one. Without a value it has all defaults.
func (w *wiring) buffer(id string) (section map[string]any, on bool) {
	cfg, _ := w.processors[id].(map[string]any)
	value, on := cfg["buffer"]
	section, _ = value.(map[string]any)
	return section, on && typeOf(id) == streamerType.String() && section["enabled"] != false
}

func (w *wiring) buffers(id string) bool {
	_, on := w.buffer(id)
	return on
}

func typeOf(id string) string {
	name, _, _ := strings.Cut(id, "/")
	return strings.TrimSpace(name)
}

// early are the types of processors that answer before they have passed on what they took.
var early = map[string]bool{"batch": true, "groupbytrace": true, "interval": true}

// finding is a component that does not confirm, behind a streamer of a pipeline.
type finding struct {
	pipeline, streamer string
	kind, id           string // processor or exporter
	change             string // key and value
}

// unconfirmed are all findings, in a fixed order.
func (w *wiring) unconfirmed(exporters map[component.Type]exporter.Factory) (all []finding) {
	for _, name := range slices.Sorted(maps.Keys(w.pipelines)) {
		for i, id := range w.pipelines[name].Processors {
			if w.buffers(id) {
				s := &search{wiring: w, factories: exporters, at: finding{pipeline: name, streamer: id}, seen: map[string]bool{}}
				s.behind(name, i+1)
				all = append(all, s.found...)
			}
		}
	}
	return all
}

// search looks at what follows one streamer.
type search struct {
	*wiring
	factories map[component.Type]exporter.Factory
	at        finding
	seen      map[string]bool
	found     []finding
}

// behind looks at a pipeline from its processor number first on, and at the pipelines behind its connectors.
func (s *search) behind(pipeline string, first int) {
	p := s.pipelines[pipeline]
	for _, id := range p.Processors[first:] {
		s.processor(pipeline, id)
	}
	for _, id := range p.Exporters {
		switch _, connects := s.connectors[id]; {
		case s.seen[id]:
		case connects:
			s.seen[id] = true
			s.connector(id)
		default:
			s.seen[id] = true
			s.exporter(id)
		}
	}
}

func (s *search) connector(id string) {
	for _, name := range slices.Sorted(maps.Keys(s.pipelines)) {
		if typeOf(name) == "metrics" && slices.Contains(s.pipelines[name].Receivers, id) {
			s.behind(name, 0)
		}
	}
}

func (s *search) processor(pipeline, id string) {
	section, buffers := s.buffer(id)
	switch {
	case early[typeOf(id)]:
		s.add("processor", id, "service::pipelines::"+pipeline+"::processors: without "+id+"; buffer::batch of the streamer makes batches")
	case buffers && section["acknowledge"] != "persisted":
		s.add("processor", id, "processors::"+id+"::buffer::acknowledge: persisted")
	}
}

func (s *search) exporter(id string) {
	for _, change := range overseer.Unconfirmed(s.config(id)) {
		s.add("exporter", id, "exporters::"+id+"::"+change)
	}
}

func (s *search) add(kind, id, change string) {
	f := s.at
	f.kind, f.id, f.change = kind, id, change
	if !slices.Contains(s.found, f) { // two connectors lead there
		s.found = append(s.found, f)
	}
}

// config is the configuration of an exporter with its defaults, nil if it has none that can be read.
func (s *search) config(id string) component.Config {
	var parsed component.ID
	if parsed.UnmarshalText([]byte(id)) != nil || s.factories[parsed.Type()] == nil {
		return nil
	}
	cfg := s.factories[parsed.Type()].CreateDefaultConfig()
	set, _ := s.exporters[id].(map[string]any)
	if confmap.NewFromStringMap(set).Unmarshal(cfg) != nil {
		return nil
	}
	return cfg
}
