package exposition

import (
	dto "github.com/prometheus/client_model/go"
)

// message is a series as the slow pages need it, nil for one they leave out. It shares nothing with the store.
func (s *Store) message(f *family, slot uint32, r *record, words histograms) *dto.Metric {
	m := &dto.Metric{Label: pairsOf(s.labelsOf(f, slot))}
	if s.opts.SendTimestamps {
		m.TimestampMs = millis(r.time)
	}
	switch f.typ {
	case dto.MetricType_GAUGE:
		m.Gauge = &dto.Gauge{Value: new(r.value)}
	case dto.MetricType_COUNTER:
		m.Counter = &dto.Counter{
			Value: new(r.value), Exemplar: f.mu.exemplars[slot].message(), CreatedTimestamp: timeMessage(r.start),
		}
	case dto.MetricType_UNTYPED:
		m.Untyped = &dto.Untyped{Value: new(r.value)}
	case dto.MetricType_GAUGE_HISTOGRAM: // there are none
	case dto.MetricType_HISTOGRAM, dto.MetricType_SUMMARY:
		st := f.histogram(slot, words)
		if st == nil {
			return nil
		}
		st.message(m, r)
	}
	return m
}

func pairsOf(ls []label) []*dto.LabelPair {
	pairs := make([]*dto.LabelPair, len(ls))
	for i, l := range ls {
		pairs[i] = &dto.LabelPair{Name: new(l.name), Value: new(l.value)}
	}
	return pairs
}

// message returns nil for no exemplar.
func (e *exemplar) message() *dto.Exemplar {
	if e == nil {
		return nil
	}
	return &dto.Exemplar{
		Label:     pairsOf(parseLabels(nil, []byte(e.labels))),
		Value:     new(e.value),
		Timestamp: timeMessage(e.time),
	}
}
