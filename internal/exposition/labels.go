package exposition

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// label is one label. Before collisions are resolved its key is the original one and orders joined values.
type label struct {
	key, name, value string
}

func (t *translator) appendAttributes(dst []label, attrs pcommon.Map) []label {
	for key, value := range attrs.All() {
		dst = append(dst, label{key: key, name: t.labelName(key), value: cleanText(value.AsString())})
	}
	return dst
}

// resolve sorts the labels and returns them with each name once: values of colliding names are joined with ";" in the
// order of their original keys, once where key and value are the same, reserved names get an "exported_" prefix, and empty values are left out because to
// Prometheus they are absent. It works in place.
func resolve(ls []label, typ dto.MetricType) []label {
	ls = slices.DeleteFunc(ls, func(l label) bool { return l.value == "" })
	for i := range ls {
		ls[i].name = unreserved(ls[i].name, typ)
	}
	slices.SortStableFunc(ls, compareLabels)
	unique := ls[:0]
	for i, l := range ls {
		switch last := len(unique) - 1; {
		case last < 0 || unique[last].name != l.name:
			unique = append(unique, l)
		case ls[i-1] != l:
			unique[last].value += ";" + l.value
		}
	}
	return unique
}

func compareLabels(a, b label) int {
	if c := strings.Compare(a.name, b.name); c != 0 {
		return c
	}
	return strings.Compare(a.key, b.key)
}

// unreserved renames labels the format writes itself: twice the same name would fail the whole scrape.
func unreserved(name string, typ dto.MetricType) string {
	reserved := name == "__name__" ||
		name == "le" && typ == dto.MetricType_HISTOGRAM ||
		name == "quantile" && typ == dto.MetricType_SUMMARY
	if reserved {
		return "exported_" + name
	}
	return name
}

// sameLabels compares names and values of resolved labels.
func sameLabels(a, b []label) bool {
	return slices.EqualFunc(a, b, func(a, b label) bool { return a.name == b.name && a.value == b.value })
}
