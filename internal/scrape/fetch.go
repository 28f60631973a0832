package scrape

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
)

// ErrTooLarge is why a page beyond body_size_limit is not read.
var ErrTooLarge = errors.New("body size limit exceeded")

// StatusError is an answer other than 200.
type StatusError struct {
	// Status is the line of the answer, such as "503 Service Unavailable".
	Status string
	Code   int
	// RetryAfter is how long the target asks to be left alone, 0 if it does not ask.
	RetryAfter time.Duration
}

func (e *StatusError) Error() string { return "server returned HTTP status " + e.Status }

// Fetcher gets the page of one target, one at a time.
type Fetcher struct {
	client  *http.Client
	url     string
	headers http.Header
	// limit bounds the page, as it is after decompression.
	limit int64
	gzip  *gzip.Reader
}

// NewFetcher returns a fetcher that reads pages smaller than limit bytes; 0 means no limit.
func NewFetcher(client *http.Client, url string, headers http.Header, limit int64) *Fetcher {
	return &Fetcher{client: client, url: url, headers: headers, limit: limit}
}

// Fetch appends the page to buf, also when it fails on the way, and returns its content type. The context bounds all of
// it. A page that is cut off is an error.
func (f *Fetcher) Fetch(ctx context.Context, buf *bytes.Buffer) (contentType string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header = f.headers.Clone()
	resp, err := f.client.Do(req) //nolint:bodyclose // drain closes it
	if err != nil {
		return "", err
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", &StatusError{Status: resp.Status, Code: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}
	}
	body, err := f.decoded(resp)
	if err != nil {
		return "", err
	}
	return resp.Header.Get("Content-Type"), f.read(body, buf)
}

// maxDrain bounds what is read of a rest, so that the connection can be used again.
const maxDrain = 64 << 10

func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, maxDrain)
	_ = body.Close() // it was read, or is of no use any more
}

func (f *Fetcher) decoded(resp *http.Response) (io.Reader, error) {
	if resp.Header.Get("Content-Encoding") != "gzip" {
		return resp.Body, nil
	}
	if f.gzip == nil {
		f.gzip = new(gzip.Reader)
	}
	if err := f.gzip.Reset(resp.Body); err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return f.gzip, nil
}

// read stops at the limit, so that a small answer cannot become a page of any size.
func (f *Fetcher) read(body io.Reader, buf *bytes.Buffer) error {
	if f.limit <= 0 {
		_, err := buf.ReadFrom(body)
		return err
	}
	n, err := buf.ReadFrom(io.LimitReader(body, f.limit))
	if err == nil && n >= f.limit {
		return ErrTooLarge
	}
	return err
}

// retryAfter reads both forms of the header: seconds and a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return max(0, time.Duration(n)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
