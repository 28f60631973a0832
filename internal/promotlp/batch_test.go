package promotlp

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func newTarget() Target {
	return Target{
		Labels: labels.FromStrings("job", "shop", "instance", "host:80", "zone", "a"),
		URL:    &url.URL{Scheme: "http", Host: "127.0.0.1:80", Path: "/metrics"},
		Scope:  "scraper", Version: "1",
	}
}

func newOptions() Options {
	return Options{HonorTimestamps: true, Validation: model.UTF8Validation, MaxSchema: 8, NativeHistograms: true}
}

// scrape reads a page and returns the batch, one scrape a second.
func scrape(t *testing.T, c *Cache, page, contentType string) pmetric.Metrics {
	t.Helper()
	at := time.Unix(1000+int64(c.page), 0)
	err := c.Read([]byte(page), contentType, at)
	if err != nil {
		t.Log(err)
	}
	md := c.Batch(Report{At: at, Up: err == nil, Bytes: len(page)})
	c.Delivered(nil)
	return md
}

func dump(t *testing.T, md pmetric.Metrics) string {
	t.Helper()
	text, err := new(pmetric.JSONMarshaler).MarshalMetrics(md)
	require.NoError(t, err)
	return string(text)
}

func TestSmoke(t *testing.T) {
	c := New(newTarget(), newOptions())
	page := "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n# HELP g a gauge\n# TYPE g gauge\ng{a=\"b\"} 1\nu 7\n# TYPE c_total counter\nc_total 5\n" +
		"# TYPE target_info gauge\ntarget_info{service_namespace=\"x\"} 1\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n"
	md := scrape(t, c, page, "text/plain")
	t.Log(dump(t, md))
	assert.Equal(t, 10, md.DataPointCount())
	assert.Equal(t, Counts{Scraped: 11, Kept: 11, Added: 11}, c.Counts())
	md = scrape(t, c, page, "text/plain")
	assert.Equal(t, 10, md.DataPointCount())
	assert.Equal(t, Counts{Scraped: 11, Kept: 11}, c.Counts())
	md = scrape(t, c, "g 1\nx x", "text/plain")
	assert.Equal(t, 10, md.DataPointCount())
	t.Log(dump(t, md))
	md = scrape(t, c, page, "text/plain")
	assert.Equal(t, 10, md.DataPointCount())
	assert.Equal(t, Counts{Scraped: 11, Kept: 11}, c.Counts())
	c.Fail()
	md = c.Batch(Report{At: time.Unix(2000, 0)})
	assert.Equal(t, 10, md.DataPointCount())
	c.Delivered(errors.New("no"))
	md = scrape(t, c, strings.Replace(page, "u 7\n", "", 1), "text/plain")
	assert.Equal(t, 10, md.DataPointCount(), dump(t, md))
	md = scrape(t, c, "g 1\n", "text/plain")
	assert.Equal(t, 10, md.DataPointCount(), dump(t, md))
	md = scrape(t, c, "g 1\n", "text/plain")
	assert.Equal(t, 6, md.DataPointCount(), dump(t, md))
	assert.Equal(t, 1, c.Len())
}
