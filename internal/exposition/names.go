package exposition

import (
	dto "github.com/prometheus/client_model/go"
)

// nameTable knows which family writes samples of which name, so that no two do.
type nameTable map[string]string

// owner returns the family in the way of a new family, or false.
func (n nameTable) owner(name string, typ dto.MetricType) (string, bool) {
	for _, sample := range sampleNames(name, typ) {
		if owner, taken := n[sample]; taken {
			return owner, true
		}
	}
	return "", false
}

func (n nameTable) claim(name string, typ dto.MetricType) {
	for _, sample := range sampleNames(name, typ) {
		n[sample] = name
	}
}

func (n nameTable) release(name string, typ dto.MetricType) {
	for _, sample := range sampleNames(name, typ) {
		delete(n, sample)
	}
}

// sampleNames leaves _created out: those lines exist in OpenMetrics only and give way there.
func sampleNames(name string, typ dto.MetricType) []string {
	switch typ {
	case dto.MetricType_HISTOGRAM:
		return []string{name, name + "_bucket", name + "_sum", name + "_count"}
	case dto.MetricType_SUMMARY:
		return []string{name, name + "_sum", name + "_count"}
	default:
		return []string{name}
	}
}
