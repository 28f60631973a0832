package rules

import (
	"testing"

	"github.com/sluice-metrics/sluice/internal/rules/rulestest"
)

// FuzzCompile feeds text as condition and as statement: it compiles and runs, or it is refused, but never panics.
func FuzzCompile(f *testing.F) {
	f.Add(`datapoint.attributes["env"] == "dev"`)
	f.Add(`set(metric.unit, "s") where IsMatch(metric.name, "^http_")`)
	f.Add(`resource.attributes["team"] == nil and not (scope.version < 2)`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, rule := range []Rule{{Drop: []string{text}}, {Keep: []string{text}}, {Transform: []string{text}}} {
			set := testSettings()
			set.ErrorMode = "ignore"
			program, err := Compile(set, []Rule{rule})
			if err != nil {
				continue
			}
			_, _ = runOn(t.Context(), program, rulestest.Metrics()) // what it does is the differential tests' affair
		}
	})
}
