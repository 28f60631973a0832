package exposition

import (
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// shownBytes bounds what an error repeats of a selector.
const shownBytes = 200

var selectorParser = parser.NewParser(parser.Options{})

// ParseSelection reads the parameters name[] (names of families) and match[] (series selectors, as for Prometheus'
// federation). Any of them selects. Without any the selection is nil, which shows everything.
func ParseSelection(names, matches []string) (*Selection, error) {
	if len(names) == 0 && len(matches) == 0 {
		return nil, nil //nolint:nilnil // nil is the selection of everything
	}
	if err := checkBounds(matches); err != nil {
		return nil, err
	}
	s := &Selection{names: make(map[string]struct{}, len(names))}
	for _, name := range names {
		s.names[name] = struct{}{}
	}
	var errs []error
	for _, text := range matches {
		sel, err := parseSelector(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("`match[]` %.*q: %w", shownBytes, text, err))
		}
		s.selectors = append(s.selectors, sel)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

func parseSelector(text string) (selector, error) {
	matchers, err := selectorParser.ParseMetricSelector(text)
	if err != nil {
		return selector{}, err
	}
	return split(matchers)
}

// split refuses what Prometheus' federation refuses, and the labels that tell the lines of one series apart.
func split(matchers []*labels.Matcher) (selector, error) {
	var sel selector
	for _, m := range matchers {
		switch m.Name {
		case model.MetricNameLabel:
			sel.names = append(sel.names, m)
		case model.BucketLabel, model.QuantileLabel:
			return selector{}, fmt.Errorf("`%s` cannot be matched: histograms and summaries are shown whole", m.Name)
		default:
			sel.labels = append(sel.labels, m)
		}
	}
	if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches("") }) {
		return selector{}, errors.New("at least one matcher must not match the empty string")
	}
	return sel, nil
}
