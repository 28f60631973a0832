package targetallocator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/units"
	promcommon "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	promhttp "github.com/prometheus/prometheus/discovery/http"
)

const (
	defaultTimeout         = 30 * time.Second
	defaultRefreshInterval = model.Duration(30 * time.Second)
	defaultMaxBytes        = int64(64 * units.MiB)
)

// Options say where the allocator is and how its jobs are scraped. A zero value stands for the default.
type Options struct {
	// Endpoint is the URL of the allocator, with or without a path.
	Endpoint string
	// CollectorID is the name by which the allocator knows this collector.
	CollectorID string
	// SD is the template of each job's discovery, except for its URL. Redirects are not followed.
	SD promhttp.SDConfig
	// Scrape replaces the client settings of every job, nil keeps those of the allocator.
	Scrape *promcommon.HTTPClientConfig
	// Global fills in what a job does not say; by default it is that of Prometheus.
	Global promconfig.GlobalConfig
	// Client asks the allocator for all but the targets of this collector, which the discovery of the jobs does.
	Client *http.Client
	// Timeout bounds each question, 30s by default.
	Timeout time.Duration
	// MaxBytes bounds each answer, as it is after decompression, 64 MiB by default.
	MaxBytes int64
	// Shard replaces `$(SHARD)` in the answer; by default it is the environment's SHARD, or 0.
	Shard string
}

func (o Options) withDefaults() Options {
	o.Endpoint = strings.TrimRight(o.Endpoint, "/")
	o.SD.RefreshInterval = cmp.Or(o.SD.RefreshInterval, defaultRefreshInterval)
	o.SD.HTTPClientConfig.FollowRedirects = false
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.MaxBytes = cmp.Or(o.MaxBytes, defaultMaxBytes)
	o.Shard = cmp.Or(o.Shard, os.Getenv("SHARD"), "0")
	o.Client = cmp.Or(o.Client, http.DefaultClient)
	if o.Global.ScrapeInterval == 0 {
		o.Global = promconfig.DefaultGlobalConfig
	}
	return o
}

// Client is one collector's view of the allocator. All methods may run at the same time.
type Client struct {
	opts Options
	mu   sync.Mutex
	last *answer
}

// New returns a client; nothing is asked yet.
func New(o Options) *Client { return &Client{opts: o.withDefaults()} }

func (c *Client) targetsURL(job string) string {
	// %20 is a blank for all who read it, + only for those who take a path for a query, as the operator does.
	name := strings.ReplaceAll(url.QueryEscape(job), "+", "%20")
	return c.opts.Endpoint + "/jobs/" + name + "/targets"
}

// get returns an answer with the status 200. Its errors name the address.
func (c *Client) get(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/yaml;q=0.9, */*;q=0.1")
	resp, err := c.opts.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or is of no use any more
	body, err := c.read(resp)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", redacted(address), err)
	}
	return body, nil
}

func (c *Client) read(resp *http.Response) ([]byte, error) {
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.opts.MaxBytes+1))
	if err == nil && int64(len(body)) > c.opts.MaxBytes {
		return nil, fmt.Errorf("the answer is larger than %d bytes", c.opts.MaxBytes)
	}
	return body, err
}

// maxReason bounds what an error repeats of an answer.
const maxReason = 200

func statusError(resp *http.Response) error {
	reason, _ := io.ReadAll(io.LimitReader(resp.Body, maxReason)) // what there is of it helps
	text := "server returned HTTP status " + resp.Status
	if more := strings.TrimSpace(string(reason)); more != "" {
		text += fmt.Sprintf(": %q", more)
	}
	return errors.New(text)
}

// redacted is an address that was asked, without its password.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "?"
	}
	return u.Redacted()
}
