package exposition

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	attrServiceName       = "service.name"
	attrServiceNamespace  = "service.namespace"
	attrServiceInstanceID = "service.instance.id"
)

// target is what a resource contributes: the labels of all its series, and those of its target_info.
type target struct {
	// identity is job and instance, constant the labels of all pages, promoted the attributes that all series show too.
	identity, constant, promoted, info []label
}

func (s *Store) targetOf(attrs pcommon.Map) target {
	var tg target
	job := jobOf(attrs)
	tg.identity = s.appendIdentity(tg.identity, "job", job)
	tg.identity = s.appendIdentity(tg.identity, "instance", attribute(attrs, attrServiceInstanceID))
	for name, value := range s.opts.ConstLabels {
		tg.constant = append(tg.constant, label{key: name, name: s.names.labelName(name), value: cleanText(value)})
	}
	for key, value := range attrs.All() {
		l := label{key: key, name: s.names.labelName(key), value: cleanText(value.AsString())}
		if s.opts.ResourceLabels != nil && s.opts.ResourceLabels(key) {
			tg.promoted = append(tg.promoted, l)
		}
		if !isIdentity(key, job) {
			tg.info = append(tg.info, l)
		}
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

// appendIfSet adds a label of our own, whose original key is its name.
func appendIfSet(dst []label, name, value string) []label {
	if value == "" {
		return dst
	}
	return append(dst, label{key: name, name: name, value: value})
}
