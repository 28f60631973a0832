package exposition

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

var _ prometheus.Gatherer = (*Store)(nil)

// Gather returns all families sorted by name, their series sorted by labels. It never returns an error. The messages
// take many times the memory of the series: Write is for pages.
func (s *Store) Gather() ([]*dto.MetricFamily, error) {
	var mfs []*dto.MetricFamily
	for _, f := range s.currentCatalog().families {
		if mf := s.gatherFamily(f, asTheyAre); len(mf.Metric) > 0 {
			mfs = append(mfs, mf)
		}
	}
	return mfs, nil
}

// gatherFamily leaves out what has expired and only waits for Expire.
func (s *Store) gatherFamily(f *family, words histograms) *dto.MetricFamily {
	f.mu.Lock()
	defer f.mu.Unlock()
	mf := &dto.MetricFamily{Name: new(f.name), Help: new(f.mu.help), Type: new(f.typ)}
	if unit := unitOf(f.name, f.mu.unit, f.typ); unit != "" {
		mf.Unit = new(unit)
	}
	now := s.now()
	for slot, r := range f.mu.series.Slots(0, f.mu.series.End()) {
		if s.expired(r, now) {
			continue
		}
		if m := s.message(f, slot, r, words); m != nil {
			mf.Metric = append(mf.Metric, m)
		}
	}
	sortMetrics(mf.Metric)
	return mf
}

func compareMetrics(a, b *dto.Metric) int {
	return slices.CompareFunc(a.Label, b.Label, func(a, b *dto.LabelPair) int {
		if c := strings.Compare(a.GetName(), b.GetName()); c != 0 {
			return c
		}
		return strings.Compare(a.GetValue(), b.GetValue())
	})
}

// unitOf returns the unit if the name ends with it, else "": OpenMetrics parsers refuse a page with any other unit, and
// have no escapes for what breaks a line.
func unitOf(name, unit string, typ dto.MetricType) string {
	if typ == dto.MetricType_COUNTER {
		name = strings.TrimSuffix(name, totalSuffix)
	}
	if unit == "" || strings.ContainsAny(unit, escapesInQuotes) || !strings.HasSuffix(name, "_"+unit) || len(name) == len(unit)+1 {
		return ""
	}
	return unit
}
