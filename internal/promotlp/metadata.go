package promotlp

import (
	"strings"

	"github.com/prometheus/common/model"
)

// family is what a target says about a name by HELP, TYPE and UNIT.
type family struct {
	name       string
	typ        model.MetricType
	help, unit string
	// first and last are the pages that mention it.
	first, last uint32
}

// metadata is what is known of names, from this page and earlier ones.
type metadata struct {
	families map[string]*family
	// metrics counts the metrics of a name.
	metrics map[string]int
	// epoch grows when it may have changed what series belong to.
	epoch uint32
}

// keepPages is for how many pages metadata outlives its last mention, as in Prometheus.
const keepPages = 10

func newMetadata() metadata {
	return metadata{families: map[string]*family{}, metrics: map[string]int{}}
}

// family finds a name, or adds it.
func (m *metadata) family(name []byte, page uint32) *family {
	f, known := m.families[string(name)]
	if !known {
		f = &family{name: string(name), typ: model.MetricTypeUnknown, first: page}
		m.families[f.name] = f
		m.changed(f, page)
	}
	f.last = page
	return f
}

// changed begins an epoch if series may be concerned, which they are by a new family only if they had none before.
func (m *metadata) changed(f *family, page uint32) {
	if f.first != page || m.owns(f.name) {
		m.epoch++
	}
}

func (m *metadata) owns(name string) bool {
	if m.metrics[name] > 0 {
		return true
	}
	for _, s := range suffixes {
		if m.metrics[name+s.text] > 0 {
			return true
		}
		if base, part := strings.CutSuffix(name, s.text); part && m.families[base] != nil {
			return true // its series may be parts of another family
		}
	}
	return false
}

func (m *metadata) setType(name []byte, typ model.MetricType, page uint32) {
	if f := m.family(name, page); f.typ != typ {
		f.typ = typ
		m.changed(f, page)
	}
}

func (m *metadata) setHelp(name, text []byte, page uint32) {
	if f := m.family(name, page); f.help != string(text) {
		f.help = string(text)
	}
}

// setUnit begins an epoch because names may be made of units.
func (m *metadata) setUnit(name, text []byte, page uint32) {
	if f := m.family(name, page); f.unit != string(text) {
		f.unit = string(text)
		m.changed(f, page)
	}
}

// forget drops what has not been mentioned for long.
func (m *metadata) forget(page uint32) {
	for name, f := range m.families {
		if page-f.last > keepPages {
			delete(m.families, name)
			m.epoch++
		}
	}
}
