package exposition

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
)

// Selection says which families and series a page shows. It does not change and may be used concurrently.
type Selection struct {
	names     map[string]struct{}
	selectors []selector
	// within is a selection that this one is a part of, or nil.
	within *Selection
}

// selector is one series selector. A family has several names, so the matchers of the name stand apart.
type selector struct {
	names  []*labels.Matcher
	labels []*labels.Matcher
}

// Verdict says how much of a family a selection shows.
type Verdict int

// The verdicts, from nothing to everything.
const (
	None Verdict = iota
	Some
	All
)

// Within returns what both selections show; either may be nil, which shows everything.
func (s *Selection) Within(outer *Selection) *Selection {
	switch {
	case s == nil:
		return outer
	case outer == nil:
		return s
	default:
		return &Selection{names: s.names, selectors: s.selectors, within: outer.Within(s.within)}
	}
}

// Family says whether all series of a family are shown, none, or only those that Series tells. The name is that on the
// page, of a counter the one with "_total" where it has one, whatever the format; samples are the names of its lines.
func (s *Selection) Family(name string, samples []string) Verdict {
	verdict := s.family(name, samples)
	if s.within != nil {
		verdict = min(verdict, s.within.Family(name, samples))
	}
	return verdict
}

func (s *Selection) family(name string, samples []string) Verdict {
	if _, named := s.names[name]; named {
		return All
	}
	verdict := None
	for i := range s.selectors {
		sel := &s.selectors[i]
		switch {
		case !sel.named(name, samples):
		case len(sel.labels) == 0:
			return All
		default:
			verdict = Some
		}
	}
	return verdict
}

// Series says whether one series of a family is shown. What get returns for a label the series does not have is "".
func (s *Selection) Series(name string, samples []string, get func(label string) string) bool {
	return s.series(name, samples, get) && (s.within == nil || s.within.Series(name, samples, get))
}

func (s *Selection) series(name string, samples []string, get func(label string) string) bool {
	if _, named := s.names[name]; named {
		return true
	}
	for i := range s.selectors {
		sel := &s.selectors[i]
		if sel.has(get) && sel.named(name, samples) {
			return true
		}
	}
	return false
}

// named reports whether the name of the family or of one of its samples fits: a family is shown whole.
func (s *selector) named(name string, samples []string) bool {
	return s.fits(name) || slices.ContainsFunc(samples, s.fits)
}

func (s *selector) fits(name string) bool {
	for _, m := range s.names {
		if !m.Matches(name) {
			return false
		}
	}
	return true
}

func (s *selector) has(get func(label string) string) bool {
	for _, m := range s.labels {
		if !m.Matches(get(m.Name)) {
			return false
		}
	}
	return true
}
