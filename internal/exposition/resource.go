package exposition

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	attrServiceName       = "service.name"
	attrServiceNamespace  = "service.namespace"
	attrServiceInstanceID = "service.instance.id"
)

// target is what a resource contributes: the labels of all its series, and those of its target_info.
type target struct {
	identity []label
	info     []label
}

func (t *translator) target(attrs pcommon.Map) target {
	var tg target
	job := jobOf(attrs)
	tg.identity = appendOwn(tg.identity, "job", job)
	tg.identity = appendOwn(tg.identity, "instance", attribute(attrs, attrServiceInstanceID))
	for key, value := range attrs.All() {
		if isIdentity(key, job) {
			continue
		}
		tg.info = append(tg.info, label{key: key, name: t.labelName(key), value: cleanText(value.AsString())})
	}
	return tg
}

// isIdentity reports whether the attribute is already told by job or instance.
func isIdentity(key, job string) bool {
	switch key {
	case attrServiceName, attrServiceInstanceID:
		return true
	case attrServiceNamespace:
		return job != ""
	default:
		return false
	}
}

// key identifies the target: there is one target_info for each job and instance.
func (tg *target) key() string {
	var b strings.Builder
	for _, l := range tg.identity {
		b.WriteString(l.name + keySeparator + l.value + keySeparator)
	}
	return b.String()
}

func jobOf(attrs pcommon.Map) string {
	name := attribute(attrs, attrServiceName)
	namespace := attribute(attrs, attrServiceNamespace)
	if name == "" || namespace == "" {
		return name
	}
	return namespace + "/" + name
}

func attribute(attrs pcommon.Map, key string) string {
	value, ok := attrs.Get(key)
	if !ok {
		return ""
	}
	return cleanText(value.AsString())
}

// appendOwn adds a label of our own, whose original key is its name.
func appendOwn(dst []label, name, value string) []label {
	if value == "" {
		return dst
	}
	return append(dst, label{key: name, name: name, value: value})
}
