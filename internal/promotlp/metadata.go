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

	// openMetrics says that the page is in that format; block is the metadata that stands together, of one name.
	openMetrics bool
	block       block
}

// block is the metadata of a family as it stands on the page.
type block struct {
	name       string
	family     *family
	help, unit *string
}

// keepPages is for how many pages metadata outlives its last mention, as in Prometheus.
const keepPages = 10

func newMetadata() metadata {
	return metadata{families: map[string]*family{}, metrics: map[string]int{}}
}

// family finds a name, or adds it.
func (m *metadata) family(name string, page uint32) *family {
	f, known := m.families[name]
	if !known {
		f = &family{name: name, typ: model.MetricTypeUnknown, first: page}
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

// begin is called for each line of metadata.
func (m *metadata) begin(name []byte, page uint32) {
	if m.block.name != string(name) {
		m.end(page)
		m.block.name = string(name)
	}
}

// end is called when samples come, or metadata of another family.
func (m *metadata) end(page uint32) {
	if m.block.name == "" {
		return
	}
	if m.block.family == nil {
		m.settle(m.family(m.block.name, page), page)
	}
	m.block = block{}
}

// setType finds the family. In OpenMetrics the samples of counters have a name of their own; a gauge may have that of the
// family, as in what client_golang shows of the Go runtime.
func (m *metadata) setType(name []byte, typ model.MetricType, page uint32) {
	m.begin(name, page)
	key := string(name)
	if m.openMetrics && typ == model.MetricTypeCounter {
		key += "_total"
	}
	f := m.family(key, page)
	if f.typ != typ {
		f.typ = typ
		m.changed(f, page)
	}
	m.block.family = f
	m.settle(f, page)
}

func (m *metadata) setHelp(name, text []byte, page uint32) {
	m.begin(name, page)
	m.block.help = m.ownHelp(name, text)
	m.settle(m.block.family, page)
}

// ownHelp copies a text, unless it is one that is known.
func (m *metadata) ownHelp(name, text []byte) *string {
	if f := m.families[string(name)]; f != nil && f.help == string(text) {
		return &f.help
	}
	own := string(text)
	return &own
}

func (m *metadata) setUnit(name, text []byte, page uint32) {
	m.begin(name, page)
	unit := string(text)
	m.block.unit = &unit
	m.settle(m.block.family, page)
}

// settle gives the family what the block says of it. A unit begins an epoch because names may be made of units.
func (m *metadata) settle(f *family, page uint32) {
	if f == nil {
		return
	}
	if m.block.help != nil {
		f.help = *m.block.help
	}
	if m.block.unit != nil && f.unit != *m.block.unit {
		f.unit = *m.block.unit
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
