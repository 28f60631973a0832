package observerextension_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/extension/observerextension"
)

// watcher is told of what happens to targets.
type watcher struct{}

func (watcher) OnMetricUpdated(_ context.Context, metric observerextension.Metric, old, current observerextension.Sample) error {
	target, _ := metric.Resource.Attributes.Value("service.name")
	switch metric.Kind {
	case observerextension.Created:
		fmt.Printf("%s of %s is %v\n", metric.Name, target.AsString(), current.Float())
	default:
		fmt.Printf("%s of %s was %v and is %v\n", metric.Name, target.AsString(), old.Float(), current.Float())
	}
	return nil
}

// A component finds the extension on its host; here it is made by hand.
func Example() {
	factory := observerextension.NewFactory()
	extension, err := factory.Create(context.Background(), extensiontest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig())
	if err != nil {
		log.Fatal(err)
	}
	if err := extension.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		log.Fatal(err)
	}
	subject := extension.(observerextension.Subject)
	subscription, err := subject.Subscribe(watcher{},
		observerextension.WithPriority(observerextension.PriorityCritical),
		observerextension.WithFilter(func(s *observerextension.Series) bool { return s.Name == "up" }),
	)
	if err != nil {
		log.Fatal(err)
	}
	for i, value := range []int64{1, 1, 0} {
		subject.Publish(context.Background(), up(value, time.Unix(int64(i+1), 0)))
	}
	if err := extension.Shutdown(context.Background()); err != nil { // delivers what waits
		log.Fatal(err)
	}
	subject.Unsubscribe(subscription)
	// Output:
	// up of shop is 1
	// up of shop was 1 and is 0
}

func up(value int64, at time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "shop")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("up")
	p := m.SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.NewTimestampFromTime(at))
	p.SetIntValue(value)
	return md
}
