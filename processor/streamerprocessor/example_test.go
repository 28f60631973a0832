package streamerprocessor_test

import (
	"context"
	"errors"
	"fmt"
	"math"

	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"

	"github.com/sluice-metrics/sluice/processor/streamerprocessor"
)

// Functions of a build are called by name. They see points of one type of number, which may be a type of their own.
func Example() {
	factory := streamerprocessor.NewFactory(
		streamerprocessor.WithFilter("not-idle", func(p streamerprocessor.Point[int64]) bool { return p.Value != 0 }),
		streamerprocessor.WithTransform("to-fahrenheit", func(p streamerprocessor.Point[Celsius]) (Celsius, error) {
			if p.Unit != "Cel" {
				return 0, errors.New("not in Celsius")
			}
			return p.Value*9/5 + 32, nil
		}),
	)
	apply(factory, `not-idle`, `to-fahrenheit`)
	// Output:
	// room 69.8
	// oven +Inf
	// fan 7
	// rule not-idle: matched 1, dropped 1, changed 0, errors 0
	// rule to-fahrenheit: matched 1, dropped 0, changed 1, errors 1: function to-fahrenheit on oven: not in Celsius
}

// Celsius is a temperature.
type Celsius float64

// A filter says of each point whether it stays.
func ExampleWithFilter() {
	factory := streamerprocessor.NewFactory(
		streamerprocessor.WithFilter("finite", func(p streamerprocessor.Point[float64]) bool {
			return !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0)
		}),
	)
	apply(factory, "finite")
	// Output:
	// room 21
	// fan 7
	// fan 0
	// rule finite: matched 1, dropped 1, changed 0, errors 0
}

// A transform returns the new value. It may change the attributes of the point too.
func ExampleWithTransform() {
	factory := streamerprocessor.NewFactory(
		streamerprocessor.WithTransform("percent", func(p streamerprocessor.Point[int64]) (int64, error) {
			p.Attributes.PutStr("of", "10")
			return p.Value * 10, nil
		}),
	)
	apply(factory, "percent")
	// Output:
	// room 21
	// oven +Inf
	// fan 70 of 10
	// fan 0 of 10
	// rule percent: matched 2, dropped 0, changed 2, errors 0
}

// apply runs a rule for each function on metrics of an example, and prints what comes out and the counts of the rules.
func apply(factory processor.Factory, functions ...string) {
	var list []any
	for _, name := range functions {
		list = append(list, map[string]any{"name": name, "function": name})
	}
	cfg := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(map[string]any{"rules": list}).Unmarshal(cfg); err != nil {
		panic(err)
	}
	trial, err := streamerprocessor.NewTrial(cfg)
	if err != nil {
		panic(err)
	}
	out, counts, err := trial.Run(context.Background(), house())
	if err != nil {
		panic(err)
	}
	for _, m := range out.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		for _, p := range m.Gauge().DataPoints().All() {
			fmt.Print(m.Name(), " ", number(p))
			for key, value := range p.Attributes().All() {
				fmt.Print(" ", key, " ", value.AsString())
			}
			fmt.Println()
		}
	}
	for _, c := range counts {
		fmt.Printf("rule %s: matched %d, dropped %d, changed %d, errors %d", c.Rule, c.Matched, c.Dropped, c.Changed, c.Errors)
		if c.FirstError != nil {
			fmt.Print(": ", c.FirstError)
		}
		fmt.Println()
	}
}

func number(p pmetric.NumberDataPoint) any {
	if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return p.IntValue()
	}
	return p.DoubleValue()
}

func house() pmetric.Metrics {
	md := pmetric.NewMetrics()
	metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	gauge := func(name, unit string) pmetric.NumberDataPointSlice {
		m := metrics.AppendEmpty()
		m.SetName(name)
		m.SetUnit(unit)
		return m.SetEmptyGauge().DataPoints()
	}
	gauge("room", "Cel").AppendEmpty().SetDoubleValue(21)
	gauge("oven", "K").AppendEmpty().SetDoubleValue(math.Inf(1))
	fans := gauge("fan", "1")
	fans.AppendEmpty().SetIntValue(7)
	fans.AppendEmpty().SetIntValue(0)
	return md
}
