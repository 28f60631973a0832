package exposition

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// keySeparator cannot occur in valid UTF-8, so joined keys cannot collide.
const keySeparator = "\xff"

// label is one label before collisions are resolved. The key is the original one and only orders joined values.
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
// order of their original keys, reserved names get an "exported_" prefix, and empty values are left out because to
// Prometheus they are absent. It reorders ls.
func resolve(ls []label, typ dto.MetricType) []*dto.LabelPair {
	for i := range ls {
		ls[i].name = unreserved(ls[i].name, typ)
	}
	slices.SortStableFunc(ls, compareLabels)
	pairs := make([]*dto.LabelPair, 0, len(ls))
	for i, l := range ls {
		if i > 0 && l.name == ls[i-1].name {
			last := pairs[len(pairs)-1]
			last.Value = new(last.GetValue() + ";" + l.value)
			continue
		}
		pairs = append(pairs, &dto.LabelPair{Name: new(l.name), Value: new(l.value)})
	}
	return slices.DeleteFunc(pairs, func(p *dto.LabelPair) bool { return p.GetValue() == "" })
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

// seriesKey is the identity of a series inside its family; keys sort as the labels do.
func seriesKey(pairs []*dto.LabelPair) string {
	var b strings.Builder
	for _, p := range pairs {
		b.WriteString(p.GetName())
		b.WriteString(keySeparator)
		b.WriteString(p.GetValue())
		b.WriteString(keySeparator)
	}
	return b.String()
}
