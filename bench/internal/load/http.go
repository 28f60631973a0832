package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

type httpClient struct {
	url    string
	client *http.Client
}

func newHTTPClient(address string) *httpClient {
	return &httpClient{url: "http://" + address + "/v1/metrics", client: &http.Client{Transport: &http.Transport{}}}
}

func (c *httpClient) send(ctx context.Context, body []byte) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return answer{kind: failed, err: err}
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := c.client.Do(req)
	if err != nil {
		return answer{kind: failed, err: err}
	}
	defer resp.Body.Close() //nolint:errcheck // it was read to its end, or the connection is lost anyway
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return answer{kind: failed, err: err}
	}
	return fromHTTP(resp, text)
}

func (c *httpClient) close() { c.client.CloseIdleConnections() }

func fromHTTP(resp *http.Response, body []byte) answer {
	a := answer{retryAfter: resp.Header.Get("Retry-After") != ""}
	switch resp.StatusCode {
	case http.StatusOK:
		a.rejected = rejectedPoints(body)
		return a
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		a.kind = refused
	default:
		a.kind = failed
	}
	a.err = fmt.Errorf("status %s", resp.Status)
	return a
}
