package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/sluice-metrics/sluice/internal/retryafter"
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

// Fetcher gets the page of one target.
type Fetcher struct {
	client  *http.Client
	url     string
	headers http.Header
	// limit bounds the page, as it is after decompression.
	limit int64
}

// NewFetcher returns a fetcher that reads pages smaller than limit bytes; 0 means no limit.
func NewFetcher(client *http.Client, url string, headers http.Header, limit int64) *Fetcher {
	return &Fetcher{client: client, url: url, headers: headers, limit: limit}
}

// Fetch reads the page into body and returns its content type. The context bounds all of it. A page that is cut off is an
// error.
func (f *Fetcher) Fetch(ctx context.Context, body *Body) (contentType string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header = f.headers.Clone()
	resp, err := f.client.Do(req) //nolint:bodyclose // drain closes it
	if err != nil {
		return "", withoutParameters(err)
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", &StatusError{Status: resp.Status, Code: resp.StatusCode, RetryAfter: retryafter.In(resp.Header, time.Now(), maxRetryAfter)}
	}
	if resp.Header.Get("Content-Encoding") != "gzip" {
		return resp.Header.Get("Content-Type"), f.read(resp.Body, body)
	}
	return resp.Header.Get("Content-Type"), f.readGzip(resp.Body, body)
}

// maxDrain bounds what is read of a rest, so that the connection can be used again.
const maxDrain = 64 << 10

func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, maxDrain)
	_ = body.Close() // it was read, or is of no use any more
}

// unzippers are large and few are needed at a time.
var unzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}

func (f *Fetcher) readGzip(page io.Reader, body *Body) error {
	unzipper := unzippers.Get().(*gzip.Reader)
	defer unzippers.Put(unzipper)
	if err := unzipper.Reset(page); err != nil {
		return fmt.Errorf("gzip: %w", err)
	}
	return f.read(unzipper, body)
}

// read stops at the limit, so that a small answer cannot become a page of any size.
func (f *Fetcher) read(page io.Reader, body *Body) error {
	if f.limit <= 0 {
		_, err := body.ReadFrom(page)
		return err
	}
	n, err := body.ReadFrom(io.LimitReader(page, f.limit))
	if err == nil && n >= f.limit {
		return ErrTooLarge
	}
	return err
}

// maxRetryAfter is beyond any breaker's bound.
const maxRetryAfter = math.MaxInt32 * time.Second
