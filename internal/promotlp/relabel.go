package promotlp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// relabeler makes the labels that a series has from those on the page.
type relabeler struct {
	target  []labels.Label
	options *Options
	builder *labels.Builder
}

func newRelabeler(target labels.Labels, o *Options) relabeler {
	r := relabeler{options: o, builder: labels.NewBuilder(labels.EmptyLabels())}
	target.Range(func(l labels.Label) { r.target = append(r.target, l) })
	return r
}

// apply adds the labels of the target, relabels and checks. The result is empty for a series that is dropped. An error
// is one of the whole page. Source: scrape.mutateSampleLabels of prometheus/prometheus.
func (r *relabeler) apply(exposed labels.Labels) (labels.Labels, error) {
	r.builder.Reset(exposed)
	if r.options.HonorLabels {
		r.fillIn(exposed)
	} else {
		r.override(exposed)
	}
	if !relabel.ProcessBuilder(r.builder, r.options.MetricRelabel...) {
		return labels.EmptyLabels(), nil
	}
	lset := r.builder.Labels()
	if lset.IsEmpty() {
		return lset, nil
	}
	if err := r.check(lset); err != nil {
		return lset, err
	}
	return r.external(lset), nil
}

func (r *relabeler) fillIn(exposed labels.Labels) {
	for _, l := range r.target {
		if !exposed.Has(l.Name) {
			r.builder.Set(l.Name, l.Value)
		}
	}
}

// override gives labels of the page that the target has too other names.
func (r *relabeler) override(exposed labels.Labels) {
	var conflicts []labels.Label
	for _, l := range r.target {
		if v := exposed.Get(l.Name); v != "" {
			conflicts = append(conflicts, labels.Label{Name: l.Name, Value: v})
		}
		r.builder.Set(l.Name, l.Value)
	}
	slices.SortStableFunc(conflicts, func(a, b labels.Label) int { return len(a.Name) - len(b.Name) })
	for _, l := range conflicts {
		name := model.ExportedLabelPrefix + l.Name
		for r.builder.Get(name) != "" {
			name = model.ExportedLabelPrefix + name
		}
		r.builder.Set(name, l.Value)
	}
}

func (r *relabeler) external(lset labels.Labels) labels.Labels {
	if r.options.External.IsEmpty() {
		return lset
	}
	r.builder.Reset(lset)
	r.options.External.Range(func(l labels.Label) { r.builder.Set(l.Name, l.Value) })
	return r.builder.Labels()
}

var errNoName = errors.New("missing metric name (__name__ label)")

func (r *relabeler) check(lset labels.Labels) error {
	if !lset.Has(model.MetricNameLabel) {
		return errNoName
	}
	if !lset.IsValid(r.options.Validation) {
		return fmt.Errorf("invalid metric name or label names: %s", lset.String())
	}
	if name, twice := lset.HasDuplicateLabelNames(); twice {
		return fmt.Errorf("label %q is there twice: %s", name, lset.String())
	}
	return r.checkLimits(lset)
}

// checkLimits has the texts of Prometheus.
func (r *relabeler) checkLimits(lset labels.Labels) error {
	o, metric := r.options, lset.Get(model.MetricNameLabel)
	if n := lset.Len(); o.LabelLimit > 0 && n > o.LabelLimit {
		return &LimitError{fmt.Sprintf("label_limit exceeded (metric: %.50s, number of labels: %d, limit: %d)", metric, n, o.LabelLimit)}
	}
	if o.LabelNameLengthLimit == 0 && o.LabelValueLengthLimit == 0 {
		return nil
	}
	return lset.Validate(func(l labels.Label) error {
		if n := len(l.Name); o.LabelNameLengthLimit > 0 && n > o.LabelNameLengthLimit {
			return &LimitError{fmt.Sprintf("label_name_length_limit exceeded (metric: %.50s, label name: %.50s, length: %d, limit: %d)",
				metric, l.Name, n, o.LabelNameLengthLimit)}
		}
		if n := len(l.Value); o.LabelValueLengthLimit > 0 && n > o.LabelValueLengthLimit {
			return &LimitError{fmt.Sprintf("label_value_length_limit exceeded (metric: %.50s, label name: %.50s, value: %.50q, length: %d, limit: %d)",
				metric, l.Name, l.Value, n, o.LabelValueLengthLimit)}
		}
		return nil
	})
}

// LimitError is that a page is beyond one of the job's limits.
type LimitError struct{ text string }

func (e *LimitError) Error() string { return e.text }
