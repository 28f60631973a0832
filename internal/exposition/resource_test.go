package exposition

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A service.namespace alone makes no job, so target_info has to tell it.
func TestServiceNamespaceWithoutAName(t *testing.T) {
	s := NewStore(Options{})
	md := gauge("g", 1)
	attrs := md.ResourceMetrics().At(0).Resource().Attributes()
	attrs.PutStr(attrServiceNamespace, "shop")
	attrs.PutStr(attrServiceInstanceID, "1")
	requireAccepted(t, s, md)
	assert.Equal(t, map[string]float64{
		`{__name__="g", instance="1"}`: 1, `{__name__="target_info", instance="1", service_namespace="shop"}`: 1,
	}, scrape(t, s, textLegacy).values)

	attrs.PutStr(attrServiceName, "cart")
	s = NewStore(Options{})
	requireAccepted(t, s, md)
	assert.Equal(t, map[string]float64{`{__name__="g", instance="1", job="shop/cart"}`: 1}, scrape(t, s, textLegacy).values)
}
