package guardextension

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sluice-metrics/sluice/internal/retryafter"
)

// roundTripper is the middleware of an HTTP client. It is next to the transport: it sees what goes over the wire.
type roundTripper struct {
	next     http.RoundTripper
	backends *backends

	mu  sync.Mutex
	own map[string]*backend // by host
}

// mostHosts bounds the backends of one client, which normally has one; those beyond share a breaker.
const mostHosts = 64

// RoundTrip answers itself instead of the backend while that is left alone: with what OTLP exporters retry.
func (t *roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	b := t.backend(r.URL.Host)
	ticket, no, err := b.begin(r.Context(), max(r.ContentLength, 0))
	if err != nil || no.reason != admitted {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper must, and nobody is told how it went
		}
		if err != nil {
			return nil, err
		}
		return no.response(r), nil
	}
	res, err := t.next.RoundTrip(r)
	o, retryAfter, why := judgeHTTP(r.Context(), res, err)
	b.end(ticket, o, retryAfter, why)
	return res, err
}

func (t *roundTripper) backend(host string) *backend {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b, ok := t.own[host]; ok {
		return b
	}
	if len(t.own) >= mostHosts {
		host = otherBackends
		if b, ok := t.own[host]; ok {
			return b
		}
	}
	b := t.backends.add(overHTTP, host)
	t.own[host] = b
	return b
}

// judgeHTTP tells what an answer says about the backend: one that refuses a request for what it is works.
func judgeHTTP(ctx context.Context, res *http.Response, err error) (o outcome, retryAfter time.Duration, why error) {
	if err != nil {
		return judgeError(ctx), 0, err
	}
	if res.StatusCode < http.StatusInternalServerError && res.StatusCode != http.StatusTooManyRequests ||
		res.StatusCode == http.StatusNotImplemented {
		return works, 0, nil
	}
	why = fmt.Errorf("the backend answers %d", res.StatusCode)
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return fails, 0, why
	}
	return fails, retryafter.In(res.Header, time.Now(), maxRetryAfter), why
}

// judgeError takes it for the backend's fault unless whoever asked gave up.
func judgeError(ctx context.Context) outcome {
	if errors.Is(ctx.Err(), context.Canceled) {
		return unknown
	}
	return fails
}

// maxRetryAfter bounds what a backend may ask for before the breaker's own bound does.
const maxRetryAfter = 24 * time.Hour

// response is what the backend would have answered.
func (r refusal) response(to *http.Request) *http.Response {
	body, contentType := r.body(to.Header.Get("Content-Type"))
	h := r.header()
	h.Set("Content-Type", contentType)
	return &http.Response{
		Status: strconv.Itoa(r.httpCode()) + " " + http.StatusText(r.httpCode()), StatusCode: r.httpCode(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: to,
	}
}
