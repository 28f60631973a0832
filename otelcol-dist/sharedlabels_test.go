package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/otlp"
	"github.com/sluice-metrics/sluice/internal/pushgatewaytest"
)

// labelSets are the labels of the series that a Prometheus got.
type labelSets struct {
	mu  sync.Mutex
	all []map[string]string
}

func (l *labelSets) add(set map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, set)
}

// have tells whether each template of a point is on a series, whole.
func (l *labelSets) have(points []template) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range points {
		if !l.has(p.want) {
			return false
		}
	}
	return true
}

func (l *labelSets) has(pairs []otlp.Pair) bool {
	for _, set := range l.all {
		missing := 0
		for _, p := range pairs {
			if set[p.Key] != p.Value {
				missing++
			}
		}
		if missing == 0 {
			return true
		}
	}
	return false
}

// newWriteServer takes remote write, both versions, and returns its address.
func newWriteServer(t *testing.T, into *labelSets) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err == nil {
			text, err = snappy.Decode(nil, text)
		}
		if err == nil && strings.Contains(r.Header.Get("Content-Type"), "v2") {
			err = into.readV2(text)
		} else if err == nil {
			err = into.readV1(text)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", "1")
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// newPushgateway runs the real Pushgateway's code and returns its URL.
func newPushgateway(t *testing.T) string {
	t.Helper()
	gateway := pushgatewaytest.New(pushgatewaytest.Options{})
	s := httptest.NewServer(gateway)
	t.Cleanup(func() {
		s.Close()
		require.NoError(t, gateway.Close())
	})
	return s.URL
}

func (l *labelSets) readV1(text []byte) error {
	var r prompb.WriteRequest
	if err := r.Unmarshal(text); err != nil {
		return err
	}
	var b labels.ScratchBuilder
	for _, ts := range r.Timeseries {
		l.add(ts.ToLabels(&b, nil).Map())
	}
	return nil
}

func (l *labelSets) readV2(text []byte) error {
	var r writev2.Request
	if err := r.Unmarshal(text); err != nil {
		return err
	}
	b := labels.NewScratchBuilder(0)
	for _, ts := range r.Timeseries {
		set, err := ts.ToLabels(&b, r.Symbols)
		if err != nil {
			return err
		}
		l.add(set.Map())
	}
	return nil
}

// scrape reads a page in the text format.
func (l *labelSets) scrape(url string) error {
	resp, err := http.Get(url) //nolint:noctx // the address is the test's own
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			set := map[string]string{}
			for _, p := range m.GetLabel() {
				set[p.GetName()] = p.GetValue()
			}
			l.add(set)
		}
	}
	return err
}
