package exposition

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Page returns a gatherer whose families the expfmt encoder of the format renders into a page every parser reads.
// Whatever that page cannot show is passed to hidden, once per Gather and only if there is any; hidden may be called
// concurrently.
//
// It is the slow way to a page, for embedders that have an encoder already and for pages whose names must be escaped.
// Gather alone is not enough for that, because expfmt neither resolves the collisions its escaping makes nor knows the
// rules OpenMetrics has between families.
func (s *Store) Page(format expfmt.Format, hidden func(Reason, int)) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		var mfs []*dto.MetricFamily
		words := s.histogramsOf(format.FormatType())
		for _, f := range s.currentCatalog().families {
			if mf := s.gatherFamily(f, words); len(mf.Metric) > 0 {
				mfs = append(mfs, mf)
			}
		}
		return s.adapt(mfs, format, hidden), nil
	})
}

// adapt rewrites what the format cannot take.
func (s *Store) adapt(mfs []*dto.MetricFamily, format expfmt.Format, hidden func(Reason, int)) []*dto.MetricFamily {
	if scheme := format.ToEscapingScheme(); !s.names.legacy && scheme != model.NoEscaping {
		var n int
		if mfs, n = escapeAll(mfs, scheme); n > 0 {
			hidden(ReasonEscapingConflict, n)
		}
	}
	if format.FormatType() == expfmt.TypeOpenMetrics {
		return toOpenMetrics(mfs)
	}
	return mfs
}

// histograms says what becomes of native histograms.
type histograms int

const (
	// asTheyAre is for protobuf, which has words for them.
	asTheyAre histograms = iota
	// asClassic is for the text formats.
	asClassic
	// classicOnly leaves them out.
	classicOnly
)

func (s *Store) histogramsOf(format expfmt.FormatType) histograms {
	text := format == expfmt.TypeTextPlain || format == expfmt.TypeOpenMetrics
	switch {
	case !text:
		return asTheyAre
	case s.opts.DropExponentialInText:
		return classicOnly
	default:
		return asClassic
	}
}

// histogram returns the state to show, nil for none. A family that holds both kinds is classic in protobuf too:
// Prometheus' parser takes the first series for the kind of all.
func (f *family) histogram(slot uint32, words histograms) state {
	n, isNative := f.state(slot).(*native)
	mixed := f.mu.natives < f.mu.series.Len()
	switch {
	case !isNative:
		return f.state(slot)
	case words == classicOnly:
		return nil
	case words == asClassic || mixed:
		return n.fixed()
	default:
		return n
	}
}

// sortMetrics makes the order of a slow page stable.
func sortMetrics(metrics []*dto.Metric) { slices.SortStableFunc(metrics, compareMetrics) }
