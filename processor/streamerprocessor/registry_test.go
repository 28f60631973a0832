package streamerprocessor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"
)

func keepAll(Point[float64]) bool { return true }

func TestBadFunctionsMakeConfigurationsInvalid(t *testing.T) {
	for name, tt := range map[string]struct {
		options  []Option
		function string
		want     []string
	}{
		"empty name": {[]Option{WithFilter("", keepAll)}, "", []string{"a function of this build has an empty name"}},
		"nil filter": {[]Option{WithFilter[int64]("f", nil)}, "", []string{`function "f" of this build is nil`}},
		"nil transform": {
			[]Option{WithTransform[int64]("f", nil)},
			"f",
			[]string{`function "f" of this build is nil`, `rules[0]: function: this build has no functions, so that there is no "f"`},
		},
		"nil option": {[]Option{WithFilter("f", keepAll), nil}, "f", []string{"option 1 of the factory is nil"}},
		"same name": {
			[]Option{WithFilter("f", keepAll), WithTransform("f", func(p Point[int64]) (int64, error) { return p.Value, nil })},
			"f",
			[]string{`two functions of this build are called "f"`},
		},
		"all at once": {[]Option{WithFilter("", keepAll), nil}, "", []string{"empty name", "option 1"}},
		"none":        {nil, "f", []string{`rules[0]: function: this build has no functions, so that there is no "f"`}},
		"another":     {[]Option{WithFilter("g", keepAll)}, "f", []string{`rules[0]: function: this build has no function "f", only ["g"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			factory := NewFactory(tt.options...)
			cfg := factory.CreateDefaultConfig()
			if tt.function != "" {
				conf := map[string]any{"rules": []any{map[string]any{"function": tt.function}}}
				require.NoError(t, confmap.NewFromStringMap(conf).Unmarshal(cfg))
			}
			_, err := factory.CreateMetrics(t.Context(), processortest.NewNopSettings(factory.Type()), cfg, consumertest.NewNop())
			for _, want := range tt.want {
				require.ErrorContains(t, confmap.Validate(cfg), want)
				require.ErrorContains(t, err, want)
			}
		})
	}
}
