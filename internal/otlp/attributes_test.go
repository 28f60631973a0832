package otlp

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
)

var someAttributes = []Pair{{"host", "a"}, {"zone", "b"}}

func points(md pmetric.Metrics) pmetric.NumberDataPointSlice {
	return md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints()
}

func TestAttributesAreShared(t *testing.T) {
	a := NewAttributes(someAttributes)
	md := pmetric.NewMetrics()
	ps := points(md)
	for range 3 {
		a.Into(ps.AppendEmpty().Attributes())
	}
	for _, p := range ps.All() {
		assert.Equal(t, map[string]any{"host": "a", "zone": "b"}, p.Attributes().AsRaw())
	}
	p := ps.At(0).Attributes()
	assert.Zero(t, testing.AllocsPerRun(100, func() { a.Into(p) }))
}

func TestAMutationOfACopyLeavesTheOriginalAlone(t *testing.T) {
	a := NewAttributes(someAttributes)
	md := pmetric.NewMetrics()
	a.Into(points(md).AppendEmpty().Attributes())
	md.MarkReadOnly()
	changed := pmetric.NewMetrics()
	md.CopyTo(changed)
	changed.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0).Attributes().PutStr("host", "c")
	m := pmetric.NewNumberDataPoint().Attributes()
	a.Into(m)
	assert.Equal(t, map[string]any{"host": "a", "zone": "b"}, m.AsRaw())
}

func TestNothingIsSharedWhilePdataPools(t *testing.T) {
	require.NoError(t, featuregate.GlobalRegistry().Set(pref.UseProtoPooling.ID(), true))
	defer func() { require.NoError(t, featuregate.GlobalRegistry().Set(pref.UseProtoPooling.ID(), false)) }()
	a := NewAttributes(someAttributes)
	one, other := pmetric.NewNumberDataPoint().Attributes(), pmetric.NewNumberDataPoint().Attributes()
	a.Into(one)
	a.Into(other)
	one.PutStr("host", "c")
	assert.Equal(t, map[string]any{"host": "a", "zone": "b"}, other.AsRaw())
}
