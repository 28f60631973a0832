package guardextension

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"go.opentelemetry.io/collector/config/configoptional"
	"pgregory.net/rapid"

	_ "github.com/sluice-metrics/sluice/internal/proof"
)

// script is a body that comes in the pieces that it says, and ends as it says.
type script struct {
	pieces []int
	end    error
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, s.end
	}
	n := min(s.pieces[0], len(p))
	if s.pieces[0] -= n; s.pieces[0] == 0 {
		s.pieces = s.pieces[1:]
	}
	if len(s.pieces) == 0 && s.end == io.EOF { //nolint:errorlint // it is that one
		return n, s.end
	}
	return n, nil
}

func (*script) Close() error { return nil }

// TestBooks plays requests within requests, with bodies and handlers that end in all ways, and checks while they are served
// and after it that the books are right.
func TestBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := createDefaultConfig().(*Config)
		cfg.InFlight.Requests = rapid.Int64Range(0, 4).Draw(t, "requests")
		cfg.InFlight.Bytes = rapid.Int64Range(0, 200_000).Draw(t, "bytes")
		limits := rapid.Custom(func(t *rapid.T) LimitsConfig {
			return LimitsConfig{
				RequestsPerSecond: float64(rapid.IntRange(0, 2).Draw(t, "rps")) * 100, BytesPerSecond: float64(rapid.IntRange(0, 2).Draw(t, "Bps")) * 100_000,
				BytesBurst: rapid.IntRange(1, 300_000).Draw(t, "burst"),
			}
		})
		cfg.Rate.Limits = limits.Draw(t, "total")
		cfg.Rate.PerKey = configoptional.Some(PerKeyConfig{
			By: byMetadata, Name: "k", MaxKeys: 2, Limits: limits.Draw(t, "key"), IPv6Prefix: 64,
		})
		set := settings()
		g, err := newGuard(&set, cfg)
		if err != nil {
			t.Fatal(err)
		}
		s := g.server
		served, under := int64(0), int64(0)
		var request func(depth int)
		check := func() {
			n, bytes := s.inFlight.Now()
			if n != under || bytes < 0 {
				t.Fatalf("%d requests are in flight with %d bytes, want %d", n, bytes, under)
			}
			if cfg.InFlight.Requests > 0 && n > cfg.InFlight.Requests || cfg.InFlight.Bytes > 0 && bytes > cfg.InFlight.Bytes {
				t.Fatalf("%d requests with %d bytes are more than the bounds", n, bytes)
			}
		}
		request = func(depth int) {
			served++
			body := &script{
				pieces: rapid.SliceOfN(rapid.IntRange(1, 100_000), 0, 4).Draw(t, "pieces"),
				end:    rapid.SampledFrom([]error{io.EOF, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded, errDown}).Draw(t, "end"),
			}
			r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", body)
			r.Header.Set("K", rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "key"))
			r.ContentLength = rapid.SampledFrom([]int64{-1, 0, 1000, 100_000, 1 << 40}).Draw(t, "length")
			h := &httpHandler{server: s, next: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				under++
				defer func() { under-- }()
				check()
				for range rapid.IntRange(0, 3).Draw(t, "inner") {
					if depth < 3 {
						request(depth + 1)
					}
				}
				_, err := io.CopyN(io.Discard, r.Body, rapid.Int64Range(0, 400_000).Draw(t, "read"))
				check()
				if err == nil && rapid.Bool().Draw(t, "panic") {
					panic(errDown)
				}
			})}
			defer func() {
				if p := recover(); p != nil && p != errDown { //nolint:errorlint // it is that one
					panic(p)
				}
				check()
			}()
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		for range rapid.IntRange(1, 4).Draw(t, "outer") {
			request(0)
		}
		var counted int64
		for r := range reasons {
			counted += s.decisions.sum(overHTTP, r)
		}
		if counted != served {
			t.Fatalf("%d requests are counted of %d", counted, served)
		}
		if n, bytes := s.inFlight.Now(); n != 0 || bytes != 0 {
			t.Fatalf("%d requests and %d bytes have leaked", n, bytes)
		}
		// A bucket from which something is expected yet lets nothing in for ever.
		later := time.Now().Add(24 * time.Hour)
		for _, k := range []string{"", "a", "b", "c"} {
			r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", http.NoBody)
			r.Header.Set("K", k)
			var a admission
			if no := s.admit(later, &a, overHTTP, 0, s.keys.ofHTTP(later, r)); no.reason != admitted {
				t.Fatalf("a day later key %q is refused: %v", k, no.reason)
			}
			a.close()
		}
		_ = g.Shutdown(t.Context())
	})
}
