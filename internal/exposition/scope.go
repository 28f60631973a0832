package exposition

import (
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	scopePrefix    = "otel_scope_"
	scopeName      = scopePrefix + "name"
	scopeVersion   = scopePrefix + "version"
	scopeSchemaURL = scopePrefix + "schema_url"
)

// reservedScope tells whether a label name is one of our own, as it is or as a scraper's escaping makes it.
func reservedScope(name string) bool {
	switch model.EscapeName(name, model.UnderscoreEscaping) {
	case scopeName, scopeVersion, scopeSchemaURL:
		return true
	default:
		return false
	}
}

// appendScope adds the otel_scope_* labels. Scope attributes that translate to one of the three names the
// specification reserves are left out, as it demands.
func (t *translator) appendScope(dst []label, scope pcommon.InstrumentationScope, schemaURL string) []label {
	dst = appendIfSet(dst, scopeName, cleanText(scope.Name()))
	dst = appendIfSet(dst, scopeVersion, cleanText(scope.Version()))
	dst = appendIfSet(dst, scopeSchemaURL, cleanText(schemaURL))
	for key, value := range scope.Attributes().All() {
		name := t.labelName(scopePrefix + key)
		if reservedScope(name) {
			continue
		}
		dst = append(dst, label{key: scopePrefix + key, name: name, value: cleanText(value.AsString())})
	}
	return dst
}
