package ruletest

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// report writes what came of a test.
func (s *suite) report(p place, t *Test, total *outcome, v *verdict) error {
	word := "ok   "
	switch {
	case len(v.failures) > 0:
		word = "FAIL "
		s.tally.Failed++
	case !v.asserted:
		word = "shown"
		s.tally.Shown++
	default:
		s.tally.Passed++
	}
	lines := slices.Concat(v.failures, total.notes())
	if s.options.Verbose || !v.asserted {
		text, err := s.render(total.out)
		if err != nil {
			return err
		}
		lines = slices.Concat(lines, text, total.table())
	}
	_, err := fmt.Fprintf(s.w, "%s %s:%d: %s\n", word, s.file.path, s.file.node(p).Line, t.Name)
	for _, line := range lines {
		if err == nil {
			_, err = fmt.Fprintln(s.w, "      "+line)
		}
	}
	return err
}

// render writes metrics as they can be expected.
func (s *suite) render(md pmetric.Metrics) ([]string, error) {
	if s.options.OTLP {
		text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
		return []string{string(text)}, err
	}
	text := pageOf(md).text()
	if text == "" {
		return []string{"nothing comes out"}, nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), nil
}
