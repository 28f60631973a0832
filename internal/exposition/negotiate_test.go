package exposition

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	text004  = "text/plain; version=0.0.4; charset=utf-8; escaping="
	text100  = "text/plain; version=1.0.0; charset=utf-8; escaping="
	om001    = "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping="
	om100    = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping="
	protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping="

	protobufRange = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

func accept(lines ...string) http.Header { return http.Header{"Accept": lines} }

// TestNegotiateRealHeaders holds what clients send, word for word.
func TestNegotiateRealHeaders(t *testing.T) {
	for _, c := range []struct{ client, header, want string }{
		{"Prometheus 1", protobufRange + `;q=0.7,text/plain;version=0.0.4;q=0.3,application/json;schema="prometheus/telemetry";version=0.0.2;q=0.2,*/*;q=0.1`, protobuf + "underscores"},
		{"Prometheus 2.2, vmagent, netdata", "text/plain;version=0.0.4;q=1,*/*;q=0.1", text004 + "underscores"},
		{"Prometheus 2.5", "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", om001 + "underscores"},
		{"Prometheus 2.30, Datadog", "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", om100 + "underscores"},
		{"Prometheus 2.40 with native histograms", protobufRange + ",application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", protobuf + "underscores"},
		{"Prometheus 3.3", "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2", om100 + "allow-utf-8"},
		{"Prometheus 3.14", "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", om100 + "allow-utf-8"},
		{"Prometheus 3.14 with native histograms", protobufRange + ";q=0.7,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", protobuf + "underscores"},
		{"Telegraf", protobufRange + ";q=0.7,text/plain;version=0.0.4;q=0.3", protobuf + "underscores"},
		{"curl", "*/*", text004 + "underscores"},
		{"a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", text004 + "underscores"},
		{"Chrome of old", "application/xml,application/xhtml+xml,text/html;q=0.9,text/plain;q=0.8,image/png,*/*;q=0.5", text004 + "underscores"},
		{"Java's HttpURLConnection", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", text004 + "underscores"},
		{"the protocol's own example", "application/openmetrics-text;version=1.0.0;escaping=allow-utf8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1", om100 + "underscores"},
	} {
		assert.Equal(t, c.want, Negotiate(accept(c.header)).ContentType(), c.client)
	}
}

func TestNegotiateRules(t *testing.T) {
	for header, want := range map[string]string{
		// Versions and types.
		"text/plain":                   text004 + "underscores",
		"text/plain;version=1.0.0":     text100 + "underscores",
		"text/*":                       text004 + "underscores",
		"application/*":                om001 + "underscores",
		"application/openmetrics-text": om001 + "underscores",
		"application/openmetrics-text;version=2.0.0":         text004 + "underscores",
		"text/plain;version=2.0.0,text/plain;version=1.0.0":  text100 + "underscores",
		"application/vnd.google.protobuf;encoding=text":      text004 + "underscores",
		"application/vnd.google.protobuf;encoding=delimited": protobuf + "underscores",
		"APPLICATION/OpenMetrics-Text; Version=1.0.0":        om100 + "underscores",
		`application/openmetrics-text;version="1.0.0"`:       om100 + "underscores",
		"application/openmetrics-text;charset=utf-8":         om001 + "underscores",
		"application/json": text004 + "underscores",
		// Qualities.
		"text/plain;version=0.0.4,text/plain;version=1.0.0":             text004 + "underscores",
		"text/plain;version=1.0.0,text/plain;version=0.0.4":             text100 + "underscores",
		"text/plain;version=0.0.4;q=0.4,text/plain;version=1.0.0;q=0.5": text100 + "underscores",
		"text/plain;q=0,*/*":                                                om001 + "underscores",
		"text/plain;version=0.0.4;q=0,text/plain":                           text100 + "underscores",
		"text/plain;q=0,text/plain;version=1.0.0":                           text100 + "underscores",
		"application/openmetrics-text;version=1.0.0,*/*;q=0.0":              om100 + "underscores",
		"text/*;q=0,application/*;q=0,*/*":                                  text004 + "underscores",
		"text/plain;q=0,text/plain":                                         text004 + "underscores",
		"*/*;q=0":                                                           text004 + "underscores",
		"text/plain;version=1.0.0;q=0.5;level=1,text/plain;version=0.0.4;q": text100 + "underscores",
		// Escaping: that of the winner only.
		"application/openmetrics-text;version=1.0.0;escaping=dots":           om100 + "dots",
		"application/openmetrics-text;version=1.0.0;escaping=values":         om100 + "values",
		"text/plain;version=0.0.4;escaping=allow-utf-8":                      text004 + "allow-utf-8",
		"text/plain;version=1.0.0;escaping=emoji":                            text100 + "underscores",
		"text/plain;version=2.0.0;escaping=allow-utf-8,text/plain;q=0.5":     text004 + "underscores",
		"application/json;escaping=dots,*/*;q=0.1":                           text004 + "underscores",
		"*/*;escaping=values":                                                text004 + "values",
		"text/plain;q=0.1;escaping=values,application/openmetrics-text;q=.5": om001 + "underscores",
		// Malformed.
		"":                                      text004 + "underscores",
		",,;,":                                  text004 + "underscores",
		"openmetrics":                           text004 + "underscores",
		"application/openmetrics-text;q=2":      text004 + "underscores",
		"application/openmetrics-text;q=-1":     text004 + "underscores",
		"application/openmetrics-text;q=NaN":    text004 + "underscores",
		"text/plain;;;,text/plain;version=1..0": text004 + "underscores",
		"text/plain;version=1.0.0;version=0.0.4,application/openmetrics-text;q=0.1": om001 + "underscores",
	} {
		assert.Equal(t, want, Negotiate(accept(header)).ContentType(), "Accept: %s", header)
	}
	assert.Equal(t, text004+"underscores", Negotiate(nil).ContentType())
	assert.Equal(t, om100+"dots", Negotiate(accept("application/json", "application/openmetrics-text;version=1.0.0;escaping=dots")).ContentType(),
		"a header may come in several lines")
}

func TestNegotiateWithoutOpenMetrics(t *testing.T) {
	for header, want := range map[string]string{
		"application/openmetrics-text;version=1.0.0,text/plain;version=1.0.0;q=0.4,*/*;q=0.1": text100 + "underscores",
		"application/openmetrics-text":                   text004 + "underscores",
		"application/*":                                  protobuf + "underscores",
		protobufRange + ",application/openmetrics-text;": protobuf + "underscores",
	} {
		assert.Equal(t, want, Negotiate(accept(header), OpenMetrics).ContentType(), "Accept: %s", header)
	}
}

// TestNegotiateAsExpfmt compares with client_golang on what it gets right: clauses of formats that it offers, each named
// once, best first.
func TestNegotiateAsExpfmt(t *testing.T) {
	ranges := []string{
		"text/plain;version=0.0.4", "text/plain;q=0.9;version=0.0.4", "text/plain", "application/openmetrics-text",
		"application/openmetrics-text;version=0.0.1", "application/openmetrics-text;version=1.0.0", protobufRange,
	}
	rapid.Check(t, func(t *rapid.T) {
		var clauses []string
		for _, r := range rapid.Permutation(ranges).Draw(t, "ranges")[:rapid.IntRange(1, len(ranges)).Draw(t, "n")] {
			if scheme := rapid.SampledFrom([]string{"", "allow-utf-8", "underscores", "dots", "values"}).Draw(t, "escaping"); scheme != "" {
				r += ";escaping=" + scheme
			}
			if !strings.Contains(r, "q=") {
				r += rapid.SampledFrom([]string{"", ";q=0.1", ";q=0.5", ";q=1"}).Draw(t, "q")
			}
			clauses = append(clauses, r)
		}
		h := accept(strings.Join(clauses, ","))
		ours, theirs := Negotiate(h), expfmt.NegotiateIncludingOpenMetrics(h)
		require.Equal(t, string(theirs), ours.ContentType(), "Accept: %s", h)
		require.Equal(t, theirs, ours.expfmt())
	})
}

// TestNegotiateUnlikeExpfmt lists where client_golang's answer differs, and why ours is better.
func TestNegotiateUnlikeExpfmt(t *testing.T) {
	for _, c := range []struct{ why, header, ours, theirs string }{
		{"text 1.0.0 is a format", "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3", text100 + "allow-utf-8", text004 + "allow-utf-8"},
		{"a clause that lost says nothing of another", "application/json;escaping=dots,text/plain;q=0.5", text004 + "underscores", text004 + "dots"},
		{"q=0 refuses", "application/openmetrics-text;q=0", text004 + "underscores", om001 + "underscores"},
		{"types and parameters have no case", "Application/OpenMetrics-Text;Version=1.0.0", om100 + "underscores", text004 + "underscores"},
		{"values may be quoted", `application/openmetrics-text;version="1.0.0"`, om100 + "underscores", text004 + "underscores"},
		{"application/* is not text", "application/*", om001 + "underscores", text004 + "underscores"},
		{"a protobuf range without parameters is one", "application/vnd.google.protobuf", protobuf + "underscores", text004 + "underscores"},
		{"a quality that is none spoils its clause", "application/openmetrics-text;q=high,text/plain;q=0.5", text004 + "underscores", text004 + "underscores"},
		{"so does one that is too high", "application/openmetrics-text;q=7,text/plain", text004 + "underscores", om001 + "underscores"},
	} {
		h := accept(c.header)
		assert.Equal(t, c.ours, Negotiate(h).ContentType(), c.why)
		assert.Equal(t, c.theirs, string(expfmt.NegotiateIncludingOpenMetrics(h)), c.why)
	}
	human := accept("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text")
	assert.Equal(t, text004+"underscores", Negotiate(human).ContentType(), "protobuf for humans is left out")
	lines := accept("application/json", "application/openmetrics-text")
	assert.Equal(t, om001+"underscores", Negotiate(lines).ContentType())
	assert.Equal(t, text004+"underscores", string(expfmt.NegotiateIncludingOpenMetrics(lines)), "it reads the first line only")
}

func FuzzNegotiate(f *testing.F) {
	f.Add("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", false)
	f.Add(protobufRange+";q=0.7,text/*;q=0;escaping=\"dots\"", true)
	f.Add("*;q=.2,/;q=1e9,a/b;c=\"d,e\";;,", true)
	f.Fuzz(func(t *testing.T, header string, openMetrics bool) {
		var without []Kind
		if !openMetrics {
			without = append(without, OpenMetrics)
		}
		got := Negotiate(accept(header), without...)
		require.True(t, slices.ContainsFunc(offers, func(o offer) bool { return o.kind == got.Kind && o.version == got.Version }))
		require.NotContains(t, without, got.Kind)
		require.NotEqual(t, expfmt.TypeUnknown, got.expfmt().FormatType())
		scheme, err := model.ToEscapingScheme(got.Escaping.String())
		require.NoError(t, err)
		require.Equal(t, got.Escaping, scheme)
	})
}
