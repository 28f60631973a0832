package ruletest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.yaml.in/yaml/v3"

	"github.com/sluice-metrics/sluice/internal/promotlp"
)

// feed makes batches of the inputs of one test: pages of one target follow each other.
type feed struct {
	file    *File
	targets map[string]*promotlp.Cache
	now     time.Time
}

// firstMoment is when the first page is scraped, always the same so that outcomes are.
var firstMoment = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

const interval = time.Minute

func newFeed(f *File) *feed {
	return &feed{file: f, targets: map[string]*promotlp.Cache{}, now: firstMoment.Add(-interval)}
}

// batch makes the batch of an input.
func (s *feed) batch(p place, in *Input) (pmetric.Metrics, error) {
	if !in.isText() {
		return s.file.otlp(p, &in.Metrics)
	}
	at := s.now.Add(interval)
	if in.At != nil {
		at = firstMoment.Add(*in.At)
	}
	if !at.After(s.now) && len(s.targets) > 0 {
		return pmetric.Metrics{}, s.file.problemf(p.in("at"), "must be after the input before")
	}
	s.now = at
	text, key, err := s.file.text(p, &in.Metrics)
	if err != nil {
		return pmetric.Metrics{}, err
	}
	md, err := s.scrape(in, text)
	if err != nil {
		return md, s.file.inText(p.in(key), err)
	}
	return md, nil
}

// text returns a text and the key it stands under.
func (f *File) text(p place, m *Metrics) (text, key string, err error) {
	if m.Text != nil {
		return *m.Text, "text", nil
	}
	content, err := os.ReadFile(f.at(m.TextFile))
	if err != nil {
		return "", "", f.problem(p.in("text_file"), err)
	}
	return string(content), "text_file", nil
}

// scrape reads a page as the scrape of a target would.
func (s *feed) scrape(in *Input, page string) (pmetric.Metrics, error) {
	cache, err := s.target(in.Target)
	if err != nil {
		return pmetric.Metrics{}, err
	}
	if err := cache.Read([]byte(page), contentType(page), s.now); err != nil {
		return pmetric.Metrics{}, err
	}
	md := cache.Batch(promotlp.Report{At: s.now, Up: true, Bytes: len(page)})
	cache.Delivered(nil)
	if lost := lost(cache.Counts()); lost != nil {
		return md, lost
	}
	if in.Report {
		return md, nil
	}
	return withoutReport(md), nil
}

// contentType tells OpenMetrics by its end.
func contentType(page string) string {
	if strings.HasSuffix(strings.TrimRight(page, "\n "), "# EOF") {
		return "application/openmetrics-text; version=1.0.0"
	}
	return "text/plain; version=0.0.4"
}

// lost says what of a page does not become OTLP.
func lost(c promotlp.Counts) error {
	var errs []error
	for reason, n := range c.Dropped {
		if n > 0 {
			errs = append(errs, fmt.Errorf("%d samples have no form in OTLP: %s", n, promotlp.Reason(reason)))
		}
	}
	return errors.Join(errs...)
}

const defaultInstance = "localhost:9090"

func (s *feed) target(given map[string]string) (*promotlp.Cache, error) {
	lset := map[string]string{model.JobLabel: "test", model.InstanceLabel: defaultInstance}
	maps.Copy(lset, given)
	all := labels.FromMap(lset)
	if known := s.targets[all.String()]; known != nil {
		return known, nil
	}
	address, err := url.Parse("http://" + lset[model.InstanceLabel] + "/metrics")
	if err != nil {
		return nil, fmt.Errorf("target: instance: %w", err)
	}
	cache := promotlp.New(
		promotlp.Target{Labels: all, URL: address, Discovered: all, Scope: "sluice test"},
		promotlp.Options{HonorTimestamps: true, Validation: model.UTF8Validation, Fallback: "text/plain"})
	s.targets[all.String()] = cache
	return cache, nil
}

// reports are the metrics about a scrape as such.
var reports = []string{
	"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added",
}

func withoutReport(shared pmetric.Metrics) pmetric.Metrics {
	md := pmetric.NewMetrics()
	shared.CopyTo(md)
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool { return slices.Contains(reports, m.Name()) })
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
	md.MarkReadOnly()
	return md
}

// otlp reads OTLP JSON.
func (f *File) otlp(p place, m *Metrics) (pmetric.Metrics, error) {
	key, text, err := "otlp", []byte(nil), error(nil)
	if m.OTLPFile != "" {
		key = "otlp_file"
		text, err = os.ReadFile(f.at(m.OTLPFile))
	} else {
		text, err = jsonOf(&m.OTLP)
	}
	if err != nil {
		return pmetric.Metrics{}, f.problem(p.in(key), err)
	}
	md, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(text)
	if err != nil {
		return md, f.problemf(p.in(key), "not OTLP JSON: %w", err)
	}
	if md.ResourceMetrics().Len() == 0 && len(bytes.TrimSpace(text)) > len("{}") {
		return md, f.problemf(p.in(key), "there are no resourceMetrics in it")
	}
	return md, nil
}

// jsonOf returns a text as it is, and YAML, of which JSON is a part, as JSON.
func jsonOf(n *yaml.Node) ([]byte, error) {
	if n.Kind == yaml.ScalarNode {
		return []byte(n.Value), nil
	}
	var content any
	if err := n.Decode(&content); err != nil {
		return nil, err
	}
	return json.Marshal(content)
}
