package scrape

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
)

// AcceptHeader asks for formats in the order of preference, and for anything after that. Source: scrape.acceptHeader of
// prometheus/prometheus.
func AcceptHeader(protocols []promconfig.ScrapeProtocol, escaping model.EscapingScheme) string {
	weight := len(promconfig.ScrapeProtocolsHeaders) + 1
	var ranges []string
	for _, p := range protocols {
		media := promconfig.ScrapeProtocolsHeaders[p]
		if p == promconfig.PrometheusText1_0_0 || p == promconfig.OpenMetricsText1_0_0 {
			media += ";" + model.EscapingKey + "=" + escaping.String()
		}
		ranges = append(ranges, fmt.Sprintf("%s;q=0.%d", media, weight))
		weight--
	}
	return strings.Join(append(ranges, fmt.Sprintf("*/*;q=0.%d", weight)), ",")
}

// Headers are those of every scrape of a job.
func Headers(job *promconfig.ScrapeConfig, userAgent string) (http.Header, error) {
	escaping, err := model.ToEscapingScheme(job.MetricNameEscapingScheme)
	if err != nil {
		return nil, fmt.Errorf("`metric_name_escaping_scheme`: %w", err)
	}
	encoding := "identity"
	if job.EnableCompression {
		encoding = "gzip"
	}
	return http.Header{
		"Accept":          {AcceptHeader(job.ScrapeProtocols, escaping)},
		"Accept-Encoding": {encoding},
		"User-Agent":      {userAgent},
		timeoutHeader:     {seconds(time.Duration(job.ScrapeTimeout))},
	}, nil
}

// timeoutHeader tells the target how long there is.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }
