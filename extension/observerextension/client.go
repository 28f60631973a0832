package observerextension

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/sluice-metrics/sluice/internal/dispatch"

	"github.com/sluice-metrics/sluice/internal/retryafter"
)

// client posts JSON.
type client struct {
	cfg  *confighttp.ClientConfig
	tel  component.TelemetrySettings
	http *http.Client
}

func (c *client) start(ctx context.Context, host component.Host) (err error) {
	c.http, err = c.cfg.ToClient(ctx, host.GetExtensions(), c.tel)
	return err
}

func (c *client) stop() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// maxAnswer is how much of an answer is read, so that the connection can be used again.
const maxAnswer = 64 << 10

// post returns an error that is permanent if sending the same again would not help, and that says when to come back if the
// other side does.
func (c *client) post(ctx context.Context, url, contentType string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return dispatch.Permanent(err)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	err = errors.Join(err, res.Body.Close())
	return judge(res, url, err)
}

func judge(res *http.Response, url string, err error) error {
	const ok, redirect = 200, 300
	if code := res.StatusCode; code >= ok && code < redirect {
		return nil // whatever became of the rest of the answer
	}
	err = errors.Join(fmt.Errorf("%s answered %s", url, res.Status), err)
	switch code := res.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		if after := retryafter.In(res.Header, time.Now(), longestPause); after > 0 {
			return dispatch.Later(err, after)
		}
		return err
	case code == http.StatusRequestTimeout, code >= http.StatusInternalServerError:
		return err
	default:
		return dispatch.Permanent(err)
	}
}

// longestPause bounds what the other side may ask for.
const longestPause = 5 * time.Minute
