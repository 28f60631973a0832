// Package scrape does what Prometheus does with a page, but for parsing it: asks for it, reads it to the end, takes the time.
package scrape

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Options say what is scraped, and how often: at least Least times, then until Span is over, but not more than Most times.
type Options struct {
	URL         string
	Gzip        bool
	Least, Most int
	Span        time.Duration
	Timeout     time.Duration // for one scrape
}

// Result is how long each scrape took, to the last byte, and how large the last page was as sent.
type Result struct {
	Times []time.Duration
	Bytes int64
}

// Run scrapes as the options say. The first failure ends it.
func Run(ctx context.Context, o Options) (Result, error) {
	c := newClient(o)
	defer c.http.CloseIdleConnections()
	var r Result
	for start := time.Now(); len(r.Times) < o.Least || (time.Since(start) < o.Span && len(r.Times) < o.Most); {
		began := time.Now()
		n, err := c.get(ctx, func(body io.Reader) (int64, error) { return io.Copy(io.Discard, body) })
		if err != nil {
			return r, err
		}
		r.Times = append(r.Times, time.Since(began))
		r.Bytes = n
	}
	return r, nil
}

// Series scrapes once and counts the samples on the page.
func Series(ctx context.Context, o Options) (int64, error) {
	c := newClient(o)
	defer c.http.CloseIdleConnections()
	return c.get(ctx, func(body io.Reader) (int64, error) {
		if !o.Gzip {
			return countSamples(body)
		}
		z, err := gzip.NewReader(body)
		if err != nil {
			return 0, err
		}
		return countSamples(z)
	})
}

type client struct {
	Options
	http *http.Client
}

func newClient(o Options) *client {
	return &client{Options: o, http: &http.Client{Timeout: o.Timeout, Transport: &http.Transport{DisableCompression: true}}}
}

func (c *client) get(ctx context.Context, read func(io.Reader) (int64, error)) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4;q=1,*/*;q=0.1")
	if c.Gzip {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read to its end, or the scrape has failed anyway
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("scrape %s: status %s", c.URL, resp.Status)
	}
	if c.Gzip && resp.Header.Get("Content-Encoding") != "gzip" {
		return 0, fmt.Errorf("scrape %s: asked for gzip, got %q", c.URL, resp.Header.Get("Content-Encoding"))
	}
	return read(resp.Body)
}

// countSamples counts the lines that are neither comments nor empty.
func countSamples(page io.Reader) (int64, error) {
	lines := bufio.NewScanner(page)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<20)
	var n int64
	for lines.Scan() {
		if b := lines.Bytes(); len(b) > 0 && b[0] != '#' {
			n++
		}
	}
	return n, lines.Err()
}
