package pushgroup

import (
	"context"
	"net/http"
)

// gateway sends requests. It follows no redirect: the gateway's own lead to another group.
type gateway struct {
	client *http.Client
	url    string
}

func newGateway(client *http.Client, url string) *gateway {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &gateway{&c, url}
}

// send makes one request. It has let go of body when it returns.
func (g *gateway) send(ctx context.Context, method, path string, body []byte) Answer {
	req, err := http.NewRequestWithContext(ctx, method, g.url+path, http.NoBody)
	if err != nil {
		return Answer{Verdict: Permanent, Err: err}
	}
	if method == http.MethodPut || method == http.MethodPost {
		l := &lease{bytes: body}
		defer l.end()
		l.lend(req)
		req.Header.Set("Content-Type", contentType)
	}
	if len(body) == 0 {
		req.Header.Set("Content-Encoding", "identity") // nothing is not to be compressed: old gateways do not expect it
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return failed(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	return answered(resp)
}
