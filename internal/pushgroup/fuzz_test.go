package pushgroup

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/sluice-metrics/sluice/internal/pushgatewaytest"
)

// FuzzPath lets the real gateway read the path of any group: its labels must be those of the group.
func FuzzPath(f *testing.F) {
	for _, value := range []string{"a", "a/b", ".", "..", " ", "%2F", "+", "ü", "\x00", "a@base64", "=", "\xff", "a\n"} {
		f.Add(value, "1")
		f.Add("job", value)
	}
	rules := standard().Rules
	f.Fuzz(func(t *testing.T, service, instance string) {
		attrs := pcommon.NewMap()
		attrs.PutStr(serviceName, service)
		attrs.PutStr("service.instance.id", instance)
		var id identity
		reason := id.read(rules, attrs)
		if reason != "" {
			if utf8.ValidString(service) && utf8.ValidString(instance) && len(service)+len(instance) < maxPath/2 {
				t.Fatalf("%q, %q refused: %s", service, instance, reason)
			}
			return
		}
		g := pushgatewaytest.New(pushgatewaytest.Options{})
		server := httptest.NewServer(g)
		a := newGateway(server.Client(), server.URL).send(t.Context(), http.MethodPut, string(id.path), nil)
		server.CloseClientConnections()
		server.Close()
		if a.Verdict != Accepted {
			t.Fatalf("%s: %s", id.path, a.Fault())
		}
		want := id.labels(rules)
		for _, group := range g.Groups() {
			if len(group.Labels) != len(want) || group.Labels["job"] != want["job"] || group.Labels["instance"] != want["instance"] {
				t.Fatalf("%s became %q, want %q", id.path, group.Labels, want)
			}
		}
		if err := g.Close(); err != nil || len(g.Groups()) != 1 {
			t.Fatal(err, len(g.Groups()))
		}
	})
}
