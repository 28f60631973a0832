package rules

import "go.opentelemetry.io/collector/pdata/pcommon"

// Projection is what the texts of a program read of the attributes of a point, if they are evaluated once per series.
type Projection struct{ reads reads }

// Projection returns that of all texts together.
func (p *Program) Projection() *Projection {
	var all Projection
	for i := range p.classes {
		all.reads.add(p.classes[i].reads)
	}
	return &all
}

// Points reports whether any attribute of a point is read.
func (p *Projection) Points() bool { return p.reads.points() }

// Append writes what is read of attributes, so that others that the texts may tell from them have other bytes.
func (p *Projection) Append(dst []byte, attrs pcommon.Map) []byte {
	return p.reads.appendKey(dst, attrs)
}
