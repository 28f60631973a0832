package exposition

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"pgregory.net/rapid"
)

// tenant is a batch of n gauges of a service, each of which tells by an attribute whose it is.
func tenant(name, version string, n int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(attrServiceName, name)
	rm.Resource().Attributes().PutStr("host.name", "of "+name)
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetVersion(version)
	m := sm.Metrics().AppendEmpty()
	m.SetName("g")
	points := m.SetEmptyGauge().DataPoints()
	for i := range n {
		p := points.AppendEmpty()
		p.SetIntValue(1)
		putAll(p, []string{"i", strconv.Itoa(i), "of", name + "/" + version, "more", "a text that makes the page long"})
	}
	return md
}

// gone is a batch of staleness markers.
func gone(md pmetric.Metrics) pmetric.Metrics {
	eachPoint(md, func(p stalePoint) { p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true)) })
	return md
}

// TestStoreAfterManyResourcesIsAsAFreshOne: the number of a scope that is gone serves another one.
func TestStoreAfterManyResourcesIsAsAFreshOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, live := NewStore(Options{}), map[[2]string]int{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name")
			version := rapid.SampledFrom([]string{"1", "2"}).Draw(t, "version")
			key := [2]string{name, version}
			if n := rapid.IntRange(0, 3).Draw(t, "series"); n > 0 {
				s.Add(tenant(name, version, n))
				live[key] = max(live[key], n)
			} else {
				s.Add(gone(tenant(name, version, 3)))
				delete(live, key)
			}
			fresh := NewStore(Options{})
			for key, n := range live {
				fresh.Add(tenant(key[0], key[1], n))
			}
			format := rapid.SampledFrom([]expfmt.Format{textLegacy, omLegacy, protoLegacy}).Draw(t, "format")
			require.Equal(t, scrape(t, fresh, format).values, scrape(t, s, format).values)
			require.Equal(t, fresh.Len(), s.Len())
			requireContexts(t, s)
		}
	})
}

// requireContexts compares the scopes held with the series that use them.
func requireContexts(t tester, s *Store) {
	t.Helper()
	users := map[uint32]int64{}
	for _, f := range s.currentCatalog().families {
		for _, r := range f.mu.series.Slots(0, f.mu.series.End()) {
			if r.scope != 0 {
				users[r.scope]++
			}
		}
	}
	held := map[uint32]int64{}
	for id, sc := range s.contexts.scopes {
		if sc == nil {
			continue
		}
		require.EqualValues(t, id, sc.id)
		require.NotContains(t, s.contexts.free, sc.id)
		require.Same(t, sc, s.contexts.resources[sc.resource.key].scopes[sc.key])
		held[sc.id] = sc.users.Load()
	}
	require.Equal(t, users, held)
	require.Len(t, s.contexts.scopes, 1+len(held)+len(s.contexts.free))
}

// meddler changes the store each time a piece of a page was written.
type meddler struct {
	strings.Builder
	meddle func()
}

func (m *meddler) Write(p []byte) (int, error) {
	m.meddle()
	return m.Builder.Write(p)
}

// TestPageWhileSeriesComeAndGo changes the store between the pieces of a page, in the same way each time.
func TestPageWhileSeriesComeAndGo(t *testing.T) {
	for _, format := range []Format{{Kind: Text, Version: "0.0.4"}, {Kind: OpenMetrics, Version: "1.0.0"}} {
		synctest.Test(t, func(t *testing.T) {
			s, round := NewStore(Options{Expiration: time.Minute}), 0
			s.Add(tenant("early", "1", 700))
			requireAccepted(t, s, tenant("stays", "1", 2000))
			s.Add(tenant("late", "1", 700))
			page := &meddler{}
			page.meddle = func() {
				time.Sleep(40 * time.Second)
				s.Add(tenant("stays", "1", 2000))
				s.Add(gone(tenant("early", "1", 700)))
				s.Add(tenant(fmt.Sprint("new ", round), "1", 700))
				s.Expire()
				round++
			}
			require.NoError(t, s.Write(context.Background(), page, Page{Format: format}, nil))
			require.Greater(t, round, 2)
			assertTenants(t, []byte(page.String()), format.ContentType(), "stays/1", 2000)
		})
	}
}

// TestScopeThatTakesOverANumberWhileAPageIsWritten removes the scope whose labels were written last and gives its number
// to one that takes over series further on.
func TestScopeThatTakesOverANumberWhileAPageIsWritten(t *testing.T) {
	for _, format := range []Format{{Kind: Text, Version: "0.0.4"}, {Kind: OpenMetrics, Version: "1.0.0"}} {
		s := NewStore(Options{})
		s.Add(tenant("a", "1", 2000))
		s.Add(inOtherWords(tenant("b", "1", 100)))
		page := &meddler{}
		page.meddle = func() {
			s.Add(gone(tenant("a", "1", 2000)))
			s.Add(tenant("b", "1", 100))
		}
		require.NoError(t, s.Write(context.Background(), page, Page{Format: format}, nil))
		assertTenants(t, []byte(page.String()), format.ContentType(), "b/1", 100)
	}
}

// TestSeriesThatComesBackWhileAPageIsWritten leaves places free further on, where what was shown already comes back.
func TestSeriesThatComesBackWhileAPageIsWritten(t *testing.T) {
	s, page := NewStore(Options{}), &meddler{}
	for _, name := range []string{"a", "stays", "z"} {
		requireAccepted(t, s, tenant(name, "1", 2000))
	}
	page.meddle = func() {
		s.Add(gone(tenant("a", "1", 2000)))
		s.Add(gone(tenant("z", "1", 2000)))
		s.Add(tenant("a", "1", 2000))
	}
	format := Format{Kind: Text, Version: "0.0.4"}
	require.NoError(t, s.Write(context.Background(), page, Page{Format: format}, nil))
	assertTenants(t, []byte(page.String()), format.ContentType(), "stays/1", 2000)
}

// assertTenants finds each series at most once, with the labels of its own resource, and n series of one of them.
func assertTenants(t *testing.T, body []byte, contentType, of string, n int) {
	t.Helper()
	parser, _ := textparse.New(body, contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	seen, found := map[string]bool{}, 0
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Error(err)
			return
		}
		var ls labels.Labels
		if entry != textparse.EntrySeries {
			continue
		}
		if parser.Labels(&ls); ls.Get("__name__") != "g" {
			continue
		}
		assert.False(t, seen[ls.String()], ls)
		seen[ls.String()] = true
		assert.Equal(t, ls.Get("of"), ls.Get("job")+"/"+ls.Get("otel_scope_version"))
		if ls.Get("of") == of {
			found++
		}
	}
	assert.Equal(t, n, found)
}

// TestPagesRaceWithSeriesThatComeAndGo adds, removes, expires and takes over series while pages are written.
func TestPagesRaceWithSeriesThatComeAndGo(t *testing.T) {
	choosy, err := ParseSelection(nil, []string{`{of="stays/1"}`})
	require.NoError(t, err)
	pages := []Page{
		{Format: Format{Kind: Text, Version: "0.0.4"}},
		{Format: Format{Kind: OpenMetrics, Version: "1.0.0"}},
		{Format: Format{Kind: Protobuf}},
		{Format: Format{Kind: Text, Version: "0.0.4"}, Selection: choosy},
	}
	synctest.Test(t, func(t *testing.T) {
		s := NewStore(Options{Expiration: time.Minute})
		for round := range 3 {
			s.Add(tenant(fmt.Sprint("expires ", round), "1", 300))
			time.Sleep(30 * time.Second)
			s.Add(tenant("stays", "1", 2000))
			time.Sleep(30 * time.Second)
			var wg sync.WaitGroup
			for _, page := range pages {
				wg.Go(func() { writeTwice(t, s, page) })
			}
			wg.Go(func() { s.Expire() })
			wg.Go(func() { comeAndGo(s) })
			wg.Wait()
		}
		time.Sleep(time.Minute)
		s.Expire()
		require.Zero(t, s.Len())
		requireContexts(t, s)
	})
}

func writeTwice(t *testing.T, s *Store, page Page) {
	t.Helper()
	for range 2 {
		var body strings.Builder
		if assert.NoError(t, s.Write(context.Background(), &body, page, nil)) {
			assertTenants(t, []byte(body.String()), page.Format.ContentType(), "stays/1", 2000)
		}
	}
}

func comeAndGo(s *Store) {
	for i := range 20 {
		md := tenant(fmt.Sprint("comes ", i), "1", 100)
		s.Add(md)
		s.Add(gone(md))
		if i%5 == 0 {
			s.Add(tenant("stays", "1", 2000))
			s.Add(inOtherWords(tenant("stays", "1", 2000)))
		}
	}
}

// inOtherWords makes the labels of a tenant's resource and scope attributes of its points.
func inOtherWords(md pmetric.Metrics) pmetric.Metrics {
	rm := md.ResourceMetrics().At(0)
	name, _ := rm.Resource().Attributes().Get(attrServiceName)
	version := rm.ScopeMetrics().At(0).Scope().Version()
	for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().All() {
		putAll(p, []string{"job", name.Str(), scopeVersion, version})
	}
	rm.Resource().Attributes().Clear()
	rm.ScopeMetrics().At(0).Scope().SetVersion("")
	return md
}
