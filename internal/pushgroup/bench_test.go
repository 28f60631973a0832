package pushgroup

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/sluice-metrics/sluice/internal/breaker"
	"github.com/sluice-metrics/sluice/internal/pushgatewaytest"
)

// quiet listens to nothing.
type quiet struct{ world }

func (*quiet) Pushed(Report)                                {}
func (*quiet) Deleted(Report)                               {}
func (*quiet) Dropped(Reason, int)                          {}
func (*quiet) Refused(string, string, error, time.Duration) {}

// service is a batch of one resource with series in families of ten, with four attributes each.
func service(name string, series int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(serviceName, name)
	rm.Resource().Attributes().PutStr("service.instance.id", "instance-1")
	ms := rm.ScopeMetrics().AppendEmpty().Metrics()
	for i := range series {
		if i%10 == 0 {
			m := ms.AppendEmpty()
			m.SetName(fmt.Sprintf("http.server.metric%d", i/10))
			m.SetDescription("What it measures.")
			m.SetEmptySum().SetIsMonotonic(true)
			m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		}
		dp := ms.At(ms.Len() - 1).Sum().DataPoints().AppendEmpty()
		dp.SetIntValue(int64(i))
		dp.SetStartTimestamp(1)
		dp.Attributes().PutStr("http.request.method", "GET")
		dp.Attributes().PutStr("http.route", fmt.Sprintf("/api/v1/route/%d", i%10))
		dp.Attributes().PutInt("http.response.status_code", 200)
		dp.Attributes().PutStr("server.address", "shop.example.com")
	}
	return md
}

func touch(md pmetric.Metrics, at int) {
	for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		for _, dp := range m.Sum().DataPoints().All() {
			dp.SetTimestamp(pcommon.Timestamp(at))
		}
	}
}

// taken answers 200 once it has read what was sent.
type taken struct{}

func (taken) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
}

func benchEngine(b *testing.B, client *http.Client, url string, groups, series int) (*Engine, []*group) {
	b.Helper()
	opts := standard()
	opts.MaxGroups, opts.URL = 0, url
	e := New(opts, &quiet{})
	e.gateway = newGateway(client, url)
	for i := range groups {
		e.Add(service(fmt.Sprint("service-", i), series))
	}
	all := make([]*group, 0, groups)
	for _, g := range e.mu.groups {
		all = append(all, g)
	}
	return e, all
}

// push is one turn without the schedule around it.
func (e *Engine) pushNow(b *testing.B, g *group) {
	b.Helper()
	t := turn{Engine: e, group: g, ctx: b.Context(), ticket: breaker.Ticket{}, began: time.Now()}
	if t.take(b.Context()) != settled || t.last.Verdict != Accepted {
		b.Fatal(t.last.Fault())
	}
}

// BenchmarkPush is what a push costs here: rendering, finding the families, the request; the gateway costs nothing.
func BenchmarkPush(b *testing.B) {
	for _, series := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("series=%d", series), func(b *testing.B) {
			e, groups := benchEngine(b, &http.Client{Transport: taken{}}, "http://gateway", 1, series)
			body := render(b.Context(), groups[0].store)
			plain, zipped := len(body.bytes), gzipped(b, body.bytes)
			body.free()
			b.ReportAllocs()
			b.SetBytes(int64(plain))
			for b.Loop() {
				e.pushNow(b, groups[0])
			}
			perSecond := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(perSecond, "groups/s")
			b.ReportMetric(perSecond*float64(series), "series/s")
			b.ReportMetric(float64(plain)/float64(series), "B/series")
			b.ReportMetric(float64(zipped)/float64(series), "gzipB/series")
		})
	}
}

func gzipped(b *testing.B, text []byte) int {
	b.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	_, err := zip.Write(text)
	require.NoError(b, err)
	require.NoError(b, zip.Close())
	return out.Len()
}

// BenchmarkAdd is what a batch costs whose groups and series are known.
func BenchmarkAdd(b *testing.B) {
	for _, series := range []int{10, 100, 1_000} {
		b.Run(fmt.Sprintf("series=%d", series), func(b *testing.B) {
			e, _ := benchEngine(b, &http.Client{Transport: taken{}}, "http://gateway", 1, series)
			md, n := service("service-0", series), 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				touch(md, n)
				e.Add(md)
			}
			b.ReportMetric(float64(series)*float64(b.N)/b.Elapsed().Seconds(), "points/s")
		})
	}
}

// BenchmarkRealGateway pushes over loopback to the real gateway's code, which shares the processor with what pushes. With
// its consistency check a push costs as much as all that the gateway holds.
func BenchmarkRealGateway(b *testing.B) {
	for _, unchecked := range []bool{false, true} {
		for _, groups := range []int{1, 100} {
			b.Run(fmt.Sprintf("checked=%v/groups=%d/series=100", !unchecked, groups), func(b *testing.B) {
				g := pushgatewaytest.New(pushgatewaytest.Options{Unchecked: unchecked})
				defer func() { require.NoError(b, g.Close()) }()
				server := httptest.NewServer(g)
				defer server.Close()
				client := server.Client()
				defer client.CloseIdleConnections()
				e, all := benchEngine(b, client, server.URL, groups, 100)
				n := 0
				b.ReportAllocs()
				for b.Loop() {
					e.pushNow(b, all[n%len(all)])
					n++
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "groups/s")
			})
		}
	}
}
