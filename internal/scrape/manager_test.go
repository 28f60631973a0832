package scrape

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
)

func TestShutdownWritesNoMarkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, host := range []string{"a:1", "b:1", "c:1"} {
			w.page(host, "m 1\n")
		}
		w.scrape(targetsOf("j", "'a:1', 'b:1', 'c:1'"))
		time.Sleep(10 * time.Second)
		w.scrape(targetsOf("j", "'a:1', 'b:1'"))
		w.hang("a:1")
		time.Sleep(9 * time.Second)
		before := len(w.got(""))
		w.stop()
		assert.Empty(t, w.stale())
		assert.Len(t, w.got(""), before, "a scrape under way says nothing")
		assert.LessOrEqual(t, w.outcomes()[Cancelled], 1)
		require.ErrorIs(t, w.Apply(configured(t, "", "")), ErrStopped)
		w.Discovered(nil)
		assert.Empty(t, w.State())
	})
}

func TestShutdownDeliversWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.page("a:1", "m 1\n")
		w.consumes(func(ctx context.Context) error {
			select {
			case <-time.After(20 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(10 * time.Second)
		w.stop()
		assert.Len(t, w.got("m"), 1)
	})
}

func TestShutdownDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.page("a:1", "m 1\n")
		free := make(chan struct{})
		w.consumes(func(context.Context) error { <-free; return errors.New("late") })
		w.scrape(targetsOf("j", "'a:1'"))
		time.Sleep(10 * time.Second)
		w.scrape(targetsOf("j", "'a:1'", "sample_limit: 9"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, w.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, w.Shutdown(ctx), context.DeadlineExceeded, "again")
		close(free)
		w.stop()
	})
}

func TestShutdownWithoutAnything(t *testing.T) {
	m := NewManager(Settings{Logger: zap.NewNop()})
	require.NoError(t, m.Shutdown(t.Context()))
	require.NoError(t, m.Shutdown(t.Context()))
}

func TestALastScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s *Settings) { s.OnShutdown = true })
		w.page("a:1", "m 1\n")
		w.page("b:1", "m 1\n")
		w.scrape(targetsOf("j", "'a:1', 'b:1'"))
		time.Sleep(11 * time.Second)
		w.scrape(targetsOf("j", "'a:1'"))
		before := len(w.got("m"))
		w.stop()
		assert.Len(t, w.got("m"), before+1, "of the target that there is")
		assert.Empty(t, w.stale())
	})
}

// TestShutdownWithTargetsThatHang has real connections; TestMain sees that none is left.
func TestShutdownWithTargetsThatHang(t *testing.T) {
	const hung = 1000
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	arrived := make(chan net.Conn, hung)
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			arrived <- conn
		}
	}()
	m := NewManager(Settings{Logger: zap.NewNop(), Consume: func(context.Context, pmetric.Metrics) error { return nil }})
	targets := make([]string, hung)
	for i := range targets {
		targets[i] = fmt.Sprintf("'%s'", listener.Addr())
	}
	groups := make([]string, hung)
	for i, target := range targets {
		groups[i] = fmt.Sprintf("{targets: [%s], labels: {n: '%d'}}", target, i)
	}
	cfg := configured(t, "scrape_interval: 1s", "- {job_name: j, scrape_timeout: 1s, static_configs: ["+strings.Join(groups, ", ")+"]}\n")
	require.NoError(t, m.Apply(cfg))
	m.Discovered(static(cfg))
	conns := make([]net.Conn, 0, hung)
	for range hung {
		conns = append(conns, <-arrived)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, m.Shutdown(ctx))
	require.NoError(t, listener.Close())
	for _, conn := range append(conns, rest(arrived)...) {
		require.NoError(t, conn.Close())
	}
}

func rest(conns chan net.Conn) (out []net.Conn) {
	for {
		select {
		case conn := <-conns:
			out = append(out, conn)
		default:
			return out
		}
	}
}

func TestFailuresAreWrittenToTheirFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "failures.json")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		w.scrape(targetsOf("j", "'a:1'", "scrape_failure_log_file: "+file))
		w.untilScraped("a:1")
		w.scrape(targetsOf("j", "'a:1'", "scrape_failure_log_file: "+file, "sample_limit: 9"))
		w.untilScraped("a:1")
	})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(text), `"target":"http://a:1/metrics"`))
	assert.Equal(t, 2, strings.Count(string(text), "404 Not Found"))
}

func TestACollectionHasANameOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s *Settings) { s.Collections = map[string]Collection{"j": {}} })
		defer w.stop()
		require.ErrorContains(t, w.Apply(configured(t, "", targetsOf("j", "'a:1'"))), `collection "j": a job has this name`)
	})
}

func TestStateWhileAllChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.page("a:1", "m 1\n")
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range 200 {
				w.State()
				time.Sleep(100 * time.Millisecond)
			}
		}()
		for i := range 10 {
			w.scrape(targetsOf("j", "'a:1'", fmt.Sprintf("sample_limit: %d", i)))
			time.Sleep(time.Second)
		}
		w.stop()
		<-ended
	})
}
