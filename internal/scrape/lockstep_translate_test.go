package scrape_test

import (
	"context"
	"errors"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote/otlptranslator/prometheusremotewrite"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// translation turns OTLP back into samples, by Prometheus' own converter. It converts one metric at a time, to help the
// converter with what it does not do:
//   - it knows no type but those of OTLP; the others stand in the metadata of the metric;
//   - it makes no labels of a scope without a name;
//   - it does not read zero thresholds;
//   - it makes target_info of all attributes of a resource, also of those that were no label of the page's target_info.
type translation struct {
	// scope is what metrics have that name none.
	scope string
	// customBuckets tells that histograms were made native ones with custom buckets.
	customBuckets bool
}

func (tr translation) samples(md pmetric.Metrics) ([]sample, error) {
	out := &converted{}
	var errs []error
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				errs = append(errs, tr.metric(out, rm, sm, m))
			}
		}
		out.samples = append(out.samples, targetInfo(rm.Resource())...)
	}
	return out.samples, errors.Join(errs...)
}

const noScopeName = "a scope without a name"

func (tr translation) metric(out *converted, rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric) error {
	md := pmetric.NewMetrics()
	one := md.ResourceMetrics().AppendEmpty()
	rm.Resource().CopyTo(one.Resource())
	in := one.ScopeMetrics().AppendEmpty()
	sm.Scope().CopyTo(in.Scope())
	in.SetSchemaUrl(sm.SchemaUrl())
	m.CopyTo(in.Metrics().AppendEmpty())
	switch sm.Scope().Name() {
	case "":
		in.Scope().SetName(noScopeName)
	case tr.scope:
		in.Scope().SetName("")
	}
	start := len(out.samples)
	_, err := prometheusremotewrite.NewPrometheusConverter(out).FromMetrics(context.Background(), md, tr.settings())
	complete(out.samples[start:], m)
	return err
}

func (tr translation) settings() prometheusremotewrite.Settings {
	return prometheusremotewrite.Settings{
		DisableTargetInfo: true, AllowUTF8: true, PromoteScopeMetadata: true, ConvertHistogramsToNHCB: tr.customBuckets,
	}
}

// complete adds what the converter left out of one metric.
func complete(samples []sample, m pmetric.Metric) {
	typ, told := m.Metadata().Get("prometheus.type")
	for i := range samples {
		s := &samples[i]
		if told {
			s.meta.Type = model.MetricType(typ.Str())
		}
		if m.Type() == pmetric.MetricTypeExponentialHistogram {
			s.native.ZeroThreshold = m.ExponentialHistogram().DataPoints().At(i).ZeroThreshold()
		}
		if s.labels.Get("otel_scope_name") == noScopeName {
			s.labels = labels.NewBuilder(s.labels).Del("otel_scope_name").Labels()
		}
	}
}

// targetInfo is the page's target_info that a resource tells, if it tells more than the target's own address.
func targetInfo(r pcommon.Resource) []sample {
	b := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, "target_info"))
	found := false
	for k, v := range r.Attributes().All() {
		switch k {
		case "service.name":
			b.Set(model.JobLabel, v.AsString())
		case "service.instance.id":
			b.Set(model.InstanceLabel, v.AsString())
		default:
			if !strings.HasPrefix(k, "server.") && k != "url.scheme" {
				b.Set(k, v.AsString())
				found = true
			}
		}
	}
	if !found {
		return nil
	}
	return []sample{{labels: b.Labels(), family: "target_info", at: atScrape, value: 1}}
}

// converted is an appender that keeps all samples.
type converted struct {
	storage.AppenderV2
	samples []sample
}

func (c *converted) Append(
	_ storage.SeriesRef, ls labels.Labels, start, at int64, v float64,
	h *histogram.Histogram, fh *histogram.FloatHistogram, opts storage.AOptions,
) (storage.SeriesRef, error) {
	c.samples = append(c.samples, sample{
		labels: ls.Copy(), family: opts.MetricFamilyName, meta: opts.Metadata, start: start, at: at,
		value: v, native: h, float: fh, exemplars: append(opts.Exemplars[:0:0], opts.Exemplars...),
	})
	return 0, nil
}
