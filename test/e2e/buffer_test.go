package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// withBuffer is a configuration whose streamer has a buffer, and whose exporter confirms.
func withBuffer(t *testing.T, backend, buffer string) *drainConfig {
	t.Helper()
	cfg := newDrainConfig(t, backend)
	cfg.processors = "  streamer: {buffer: {flush_interval: 10ms, retry: {initial_interval: 100ms}, " + buffer + "}}"
	cfg.queue = "enabled: false"
	cfg.drain = "timeout: 8s, component_timeout: 4s"
	return cfg
}

func (c *drainConfig) bufferDirectory() string { return filepath.Join(c.dir, "buffer") }

// onDisk are the keys for a buffer with a directory.
func onDisk(cfg *drainConfig, acknowledge string) string {
	return fmt.Sprintf("directory: %q, acknowledge: %s", cfg.bufferDirectory(), acknowledge)
}

// TestBufferStops: whatever is wrong downstream, a stop is in time, and what the buffer took is delivered, on disk or reported lost.
func TestBufferStops(t *testing.T) {
	for name, downstream := range map[string]func(*testing.T) (string, *numbered){
		"healthy": answering(takes), "dead": dead, "slow": answering(slowly), "hanging": answering(hangs),
	} {
		for _, kind := range []string{"memory", "accepted", "persisted"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				url, backend := downstream(t)
				cfg := withBuffer(t, url, "")
				if kind != "memory" {
					*cfg = *withBuffer(t, url, onDisk(cfg, kind))
				}
				stopBuffered(t, cfg, backend, kind)
			})
		}
	}
}

func stopBuffered(t *testing.T, cfg *drainConfig, backend *numbered, kind string) {
	t.Helper()
	s := cfg.launch(t)
	accepted := sendAtOnce(t, cfg.http, 0, 12)
	require.NotEmpty(t, accepted)
	s.signal(syscall.SIGTERM)
	last := time.Now()
	code := s.wait(patience)
	assert.Less(t, time.Since(last), 9*time.Second)
	r := readReport(t, cfg.reportFile())
	books := fmt.Sprintf("report %+v", r.Points)
	assert.EqualValues(t, len(accepted), r.Points.Accepted, books)
	assert.EqualValues(t, len(accepted), r.Points.Delivered+r.Points.Stored+r.Points.Lost, books)
	assert.Equal(t, backend.points(), r.Points.Delivered, books)
	assert.Zero(t, r.Points.Removed, books)
	assert.Empty(t, r.hung())
	if kind == "memory" {
		assert.Zero(t, r.Points.Stored, books)
		assert.Equal(t, map[bool]int{true: 4}[r.Points.Lost > 0], code)
		return
	}
	assert.Zero(t, r.Points.Lost, books)
	assert.Equal(t, 0, code)
	(*drainCase).restart(nil, t, cfg, backend, accepted, make([]int64, r.Points.Stored))
}

// sendAtOnce sends requests concurrently: an answer may take as long as the buffer needs to write.
func sendAtOnce(t *testing.T, port string, from, n int) (accepted []int64) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := from; i < from+n; i++ {
		all.Go(func() {
			first := int64(i * pointsPerBatch)
			if !sendBatch(t, port, first) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for v := range int64(pointsPerBatch) {
				accepted = append(accepted, first+v)
			}
		})
	}
	all.Wait()
	return accepted
}

// TestBufferSurvivesKills: what was acknowledged as persisted is delivered, however often the process is killed meanwhile.
func TestBufferSurvivesKills(t *testing.T) {
	t.Parallel()
	kills := 3
	if full() {
		kills = 10
	}
	backend := newNumbered(t, func(w http.ResponseWriter, r *http.Request) bool {
		if time.Now().UnixMilli()/150%2 == 0 { // it flaps
			w.WriteHeader(http.StatusServiceUnavailable)
			return false
		}
		return slowlyBy(20*time.Millisecond)(w, r)
	})
	cfg := withBuffer(t, backend.URL, "")
	*cfg = *withBuffer(t, backend.URL, onDisk(cfg, "persisted"))
	var accepted []int64
	for kill := range kills {
		s := cfg.launch(t)
		stop := time.AfterFunc(time.Duration(300+137*kill)*time.Millisecond, func() { _ = s.cmd.Process.Kill() })
		for round := 0; ; round++ {
			took := sendAtOnce(t, cfg.http, kill*10_000+round*4, 4)
			accepted = append(accepted, took...)
			if len(took) == 0 {
				break
			}
		}
		stop.Stop()
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	require.NotEmpty(t, accepted)
	s := cfg.launch(t)
	eventually(t, func() error {
		if n := len(backend.lacks(accepted)); n > 0 {
			return fmt.Errorf("%d of %d points are missing", n, len(accepted))
		}
		return nil
	})
	s.stop()
	t.Logf("%d points acknowledged, %d confirmed, with those that nobody was told of and those twice", len(accepted), backend.points())
}

func slowlyBy(d time.Duration) func(http.ResponseWriter, *http.Request) bool {
	return func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-time.After(d):
			return r.Context().Err() == nil
		case <-r.Context().Done():
			return false
		}
	}
}

// TestFullBufferIsRefused: clients are told when to come back, and what was accepted is delivered in the end.
func TestFullBufferIsRefused(t *testing.T) {
	t.Parallel()
	url, _ := dead(t)
	cfg := withBuffer(t, url, "max_bytes: 64KiB, batch: {items: 100, bytes: 8KiB}")
	s := cfg.launch(t)
	eventually(t, func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:"+cfg.http+"/v1/metrics", bytes.NewReader(batch(0)))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-protobuf")
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode == http.StatusOK {
			return fmt.Errorf("not full yet: %s", res.Status)
		}
		assert.Equal(t, http.StatusTooManyRequests, res.StatusCode)
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		require.NoError(t, err)
		assert.Equal(t, 30, seconds)
		return nil
	})
	s.signal(syscall.SIGTERM)
	assert.Equal(t, 4, s.wait(patience), "points are lost, and it is said")
}

// TestForwardingSurvivesADeadBackendAndARestart runs the shipped configuration: with the backend down, requests are
// acknowledged and on disk; the next process delivers them. Nothing is behind the buffer that it would warn of.
func TestForwardingSurvivesADeadBackendAndARestart(t *testing.T) {
	backend := "http://127.0.0.1:" + freePort(t)
	dir := filepath.Join(t.TempDir(), "buffer")
	run := func(backend string) *sluice {
		s := launch(t, []string{"SLUICE_LISTEN=" + listenOn(), "SLUICE_FORWARD_ENDPOINT=" + backend, "SLUICE_BUFFER=" + dir},
			"--config", "builtin:forward", "--set=extensions.drain.delay=0s", "--set=extensions.drain.component_timeout=3s")
		answered(t, "http://"+listenOn()+":13134/readyz", http.StatusOK)
		return s
	}
	s := run(backend)
	app := newApplication(t, "1", grpcExporter(t, listenOn()+":4317"))
	app.work()
	app.flush()
	app.shutdown()
	s.stop()
	assert.NotContains(t, s.log.String(), "answers before it has delivered")
	assert.Contains(t, s.log.String(), "stored_datapoints")

	var delivered atomic.Int64
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := body(r)
		if req := pmetricotlp.NewExportRequest(); err == nil && req.UnmarshalProto(text) == nil {
			delivered.Add(int64(req.Metrics().DataPointCount()))
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer sink.Close()
	s = run(sink.URL)
	eventually(t, func() error {
		if delivered.Load() == 0 {
			return errors.New("nothing was delivered")
		}
		return nil
	})
	s.stop()
	assert.NotContains(t, s.log.String(), "stored_datapoints")
}
