package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

const (
	manySeries = 50_000
	// mebibyte is the unit of what memory may grow by.
	mebibyte = 1 << 20
	// stuckScrapes are allowed at once.
	stuckScrapes = 3
)

// TestStuckScrapersHoldUpNothingElse fills all places for scrapes with clients that ask for a page, which is longer than
// what the kernel keeps of it, and read none of it.
func TestStuckScrapersHoldUpNothingElse(t *testing.T) {
	p, otlp := newPorts(t), freePort(t)
	s, _ := launchConfig(t, withHTTP(p.pulling(fmt.Sprintf("max_concurrent_scrapes: %d", stuckScrapes)), otlp))
	p.ready(t)
	sendMany(t, otlp, 1)
	before := s.rss()
	var stuck []net.Conn
	for range stuckScrapes {
		stuck = append(stuck, stuckScraper(t, p.pull, ""))
	}
	eventually(t, func() error {
		_, err := fetch(t.Context(), p.page(), http.StatusServiceUnavailable)
		return err
	})

	s.log.reset()
	for range 200 {
		res := request(t, http.MethodGet, p.page())
		require.Equal(t, http.StatusServiceUnavailable, res.status, "a place was free: the page is too short")
		require.Equal(t, "1", res.header.Get("Retry-After"))
		require.Contains(t, res.body, "scrapes are under way")
	}
	sendMany(t, otlp, 2)
	assert.LessOrEqual(t, strings.Count(s.log.String(), "\n"), 5, "the log is flooded")
	if before > 0 {
		assert.Less(t, s.rss()-before, int64(64*mebibyte))
	}

	for _, conn := range stuck {
		require.NoError(t, conn.Close())
	}
	assert.Equal(t, manySeries, strings.Count(answered(t, p.page(), http.StatusOK), "} 2\n"), "sent while all scrapers were stuck")
	s.stop()
}

// TestStuckScraperIsCutOff gives the place back when the time has passed that the scraper says it waits, long before
// write_timeout.
func TestStuckScraperIsCutOff(t *testing.T) {
	p, otlp := newPorts(t), freePort(t)
	s, _ := launchConfig(t, withHTTP(p.pulling("max_concurrent_scrapes: 1, write_timeout: 1h"), otlp))
	p.ready(t)
	sendMany(t, otlp, 1)
	stuckScraper(t, p.pull, "X-Prometheus-Scrape-Timeout-Seconds: 2\r\n")
	require.Equal(t, http.StatusServiceUnavailable, request(t, http.MethodGet, p.page()).status)
	answered(t, p.page(), http.StatusOK)
	s.stop()
}

// withHTTP lets the OTLP receiver of a configuration listen for HTTP too.
func withHTTP(config, port string) string {
	return strings.Replace(config, "protocols: {", `protocols: {http: {endpoint: "127.0.0.1:`+port+`"}, `, 1)
}

// stuckScraper asks for the page and reads nothing but the first bytes, which say that it is being written.
func stuckScraper(t *testing.T, port, headers string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"+headers+"\r\n")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	_, err = io.ReadFull(conn, make([]byte, len("HTTP/1.1 200 OK")))
	require.NoError(t, err)
	return conn
}

// sendMany sends gauges of one value, with labels of some length.
func sendMany(t *testing.T, port string, value int64) {
	t.Helper()
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("many")
	points := m.SetEmptyGauge().DataPoints()
	points.EnsureCapacity(manySeries)
	for i := range manySeries {
		dp := points.AppendEmpty()
		dp.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		dp.SetIntValue(value)
		dp.Attributes().PutStr("long", strings.Repeat("x", 200)+strconv.Itoa(i))
	}
	data, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:"+port+"/v1/metrics", bytes.NewReader(data))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	res, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
}

// rss is the memory of the process in bytes; 0 where the system does not tell.
func (s *sluice) rss() int64 {
	s.t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	require.NoError(s.t, err)
	_, rest, found := strings.Cut(string(status), "VmRSS:")
	require.True(s.t, found)
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	require.NoError(s.t, err)
	return kib << 10
}
