// Package relabel applies Prometheus relabel configurations to OTLP data points.
//
// The labels of a point are `__name__`, its metric's name; each of its attributes, as text; and each attribute of its
// resource behind the prefix `__resource_`. Prometheus' own code relabels them. As in Prometheus, labels that begin with
// two underscores are gone afterwards, and a label that is empty does not exist.
package relabel

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	promrelabel "github.com/prometheus/prometheus/model/relabel"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// ResourcePrefix stands before the attributes of a resource.
const ResourcePrefix = "__resource_"

// Relabeler relabels data points as Prometheus relabels samples. It may be used concurrently.
type Relabeler struct {
	configs       []*promrelabel.Config
	mayRename     bool
	readsResource bool
	// maps says that a config copies labels to names that several may have: the last in the order of their names wins.
	maps      bool
	scratches sync.Pool
}

// New prepares configurations that have been validated.
func New(configs []*promrelabel.Config) *Relabeler {
	r := &Relabeler{configs: configs}
	for _, c := range configs {
		r.mayRename = r.mayRename || mayRename(c)
		r.readsResource = r.readsResource || readsResource(c)
		r.maps = r.maps || c.Action == promrelabel.LabelMap
	}
	r.scratches.New = func() any { return &scratch{builder: labels.NewBuilder(labels.EmptyLabels())} }
	return r
}

// MayRename reports whether a configuration could change or remove the name. If false, none does.
func (r *Relabeler) MayRename() bool { return r.mayRename }

// ReadsResource reports whether a configuration could look at attributes of the resource. If false, none does.
func (r *Relabeler) ReadsResource() bool { return r.readsResource }

func mayRename(c *promrelabel.Config) bool {
	switch c.Action {
	case promrelabel.Keep, promrelabel.Drop, promrelabel.KeepEqual, promrelabel.DropEqual:
		return false
	case promrelabel.LabelDrop:
		return c.Regex.MatchString(model.MetricNameLabel)
	case promrelabel.LabelKeep:
		return !c.Regex.MatchString(model.MetricNameLabel)
	case promrelabel.LabelMap:
		return true
	case promrelabel.Replace, promrelabel.Lowercase, promrelabel.Uppercase, promrelabel.HashMod:
	}
	return c.TargetLabel == model.MetricNameLabel || strings.Contains(c.TargetLabel, "$")
}

func readsResource(c *promrelabel.Config) bool {
	reads := func(name string) bool { return strings.HasPrefix(name, ResourcePrefix) }
	if slices.ContainsFunc(c.SourceLabels, func(n model.LabelName) bool { return reads(string(n)) }) {
		return true
	}
	switch c.Action {
	case promrelabel.LabelMap:
		return true
	case promrelabel.KeepEqual, promrelabel.DropEqual:
		return reads(c.TargetLabel)
	case promrelabel.Replace, promrelabel.Keep, promrelabel.Drop, promrelabel.HashMod, promrelabel.LabelDrop,
		promrelabel.LabelKeep, promrelabel.Lowercase, promrelabel.Uppercase:
	}
	return false
}

// Verdict is what becomes of a point.
type Verdict struct {
	// Drop says that the point goes; the rest is then not set.
	Drop bool
	// Renamed says that its metric is called Name.
	Renamed bool
	Name    string
	// Changed says that its attributes are others.
	Changed bool
}

// scratch is what relabelling one point needs.
type scratch struct {
	builder *labels.Builder
	result  labels.Labels
}

// Look tells what Point would do, and does nothing.
func (r *Relabeler) Look(name string, resource, attrs pcommon.Map) (Verdict, error) {
	s := r.scratches.Get().(*scratch)
	defer r.scratches.Put(s)
	return r.look(s, name, resource, attrs)
}

// Point relabels a point: attrs is edited in place, unless the point goes or nothing changes. Attributes whose text does
// not change keep type and place, new ones follow in the order of their names. On an error attrs is left as it is.
func (r *Relabeler) Point(name string, resource, attrs pcommon.Map) (Verdict, error) {
	s := r.scratches.Get().(*scratch)
	defer r.scratches.Put(s)
	v, err := r.look(s, name, resource, attrs)
	if err == nil && v.Changed {
		s.apply(attrs)
	}
	return v, err
}

func (r *Relabeler) look(s *scratch, name string, resource, attrs pcommon.Map) (Verdict, error) {
	s.fill(name, resource, attrs, r.readsResource)
	if r.maps {
		s.builder.Reset(s.builder.Labels()) // in the order of their names, as Prometheus has them
	}
	if !promrelabel.ProcessBuilder(s.builder, r.configs...) {
		return Verdict{Drop: true}, nil
	}
	s.result = s.builder.Labels()
	renamed := s.result.Get(model.MetricNameLabel)
	if renamed == "" && name != "" {
		return Verdict{}, fmt.Errorf("relabelling removes the name of metric %q", name)
	}
	return Verdict{Renamed: renamed != name, Name: renamed, Changed: s.differs(attrs)}, nil
}

func (s *scratch) fill(name string, resource, attrs pcommon.Map, withResource bool) {
	s.builder.Reset(labels.EmptyLabels())
	if withResource {
		for key, value := range resource.All() {
			s.builder.Set(ResourcePrefix+key, value.AsString())
		}
	}
	for key, value := range attrs.All() {
		s.builder.Set(key, value.AsString())
	}
	s.builder.Set(model.MetricNameLabel, name)
}

// private reports whether a label is gone after relabelling. An attribute that has the name of the name was none.
func private(key string) bool { return strings.HasPrefix(key, model.ReservedLabelPrefix) }

// stays reports whether an attribute is what relabelling says.
func (s *scratch) stays(key string, value pcommon.Value) bool {
	if key == model.MetricNameLabel {
		return true
	}
	if private(key) {
		return false
	}
	return s.result.Get(key) == value.AsString()
}

func (s *scratch) differs(attrs pcommon.Map) bool {
	for key, value := range attrs.All() {
		if !s.stays(key, value) {
			return true
		}
	}
	added := false
	s.result.Range(func(l labels.Label) { added = added || s.isNew(l, attrs) })
	return added
}

func (s *scratch) isNew(l labels.Label, attrs pcommon.Map) bool {
	if private(l.Name) {
		return false
	}
	_, known := attrs.Get(l.Name)
	return !known
}

func (s *scratch) apply(attrs pcommon.Map) {
	attrs.RemoveIf(func(key string, value pcommon.Value) bool {
		return !s.stays(key, value) && (private(key) || s.result.Get(key) == "")
	})
	for key, value := range attrs.All() {
		if !s.stays(key, value) {
			value.SetStr(strings.Clone(s.result.Get(key)))
		}
	}
	s.result.Range(func(l labels.Label) {
		if s.isNew(l, attrs) {
			attrs.PutStr(strings.Clone(l.Name), strings.Clone(l.Value))
		}
	})
}
