package retryafter

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func header(text string) http.Header { return http.Header{"Retry-After": {text}} }

func TestIn(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "1.5": 0, "4000": time.Hour,
		"99999999999999999999": time.Hour, "-99999999999999999999": 0,
		"Thu, 01 Jan 2026 00:00:30 GMT": 30 * time.Second, "Thu, 01 Jan 1970 00:00:00 GMT": 0, "Fri, 01 Jan 2027 00:00:00 GMT": time.Hour,
	} {
		assert.Equal(t, want, In(header(text), now, time.Hour), text)
	}
	assert.Zero(t, In(nil, now, time.Hour))
}

// FuzzIn: nobody makes the wait negative or longer than allowed.
func FuzzIn(f *testing.F) {
	for _, s := range []string{"", "7", "-7", "99999999999999999999", "Thu, 01 Jan 2026 00:00:30 GMT", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := In(header(s), now, time.Hour); d < 0 || d > time.Hour {
			t.Fatalf("%q is %v", s, d)
		}
	})
}
