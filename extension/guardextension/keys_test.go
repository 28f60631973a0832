package guardextension

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/basicauthextension"

	"github.com/sluice-metrics/sluice/internal/limiter"
)

func TestAddressKeys(t *testing.T) {
	k := newKeys(&PerKeyConfig{
		By: byClientAddress, IPv6Prefix: 64, MaxKeys: 100, Limits: LimitsConfig{RequestsPerSecond: 1},
		Overrides: []OverrideConfig{{Key: "10.0.0.9", Limits: LimitsConfig{RequestsPerSecond: 5}}, {Key: "2001:db8:9::1"}},
	})
	now := time.Now()
	bucket := func(ip string) *limiter.Bucket {
		p := &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}}
		return k.ofHeaders(peer.NewContext(t.Context(), p), now, nil)
	}
	assert.Same(t, bucket("10.0.0.1"), bucket("::ffff:10.0.0.1"))
	assert.NotSame(t, bucket("10.0.0.1"), bucket("10.0.0.2"))
	assert.Same(t, bucket("2001:db8:1:2::1"), bucket("2001:db8:1:2:ffff::1"), "who has an address has 2^64")
	assert.NotSame(t, bucket("2001:db8:1:2::1"), bucket("2001:db8:1:3::1"))
	assert.Same(t, k.named(0), bucket("10.0.0.9"))
	assert.Same(t, k.named(1), bucket("2001:db8:9::abc"))
	nobody := k.ofHeaders(t.Context(), now, nil)
	unix := k.ofHeaders(peer.NewContext(t.Context(), &peer.Peer{Addr: &net.UnixAddr{Name: "@"}}), now, nil)
	assert.Same(t, nobody, unix)

	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
	r = r.WithContext(client.NewContext(t.Context(), client.Info{Addr: &net.IPAddr{IP: net.ParseIP("10.0.0.1")}}))
	assert.Same(t, bucket("10.0.0.1"), k.ofHTTP(now, r), "HTTP and gRPC share it")
	assert.Nil(t, k.ofContext(t.Context(), now))
}

func TestMetadataKeys(t *testing.T) {
	k := newKeys(&PerKeyConfig{By: byMetadata, Name: "x-TENANT", MaxKeys: 100, Limits: LimitsConfig{RequestsPerSecond: 1}})
	now := time.Now()
	of := func(tenant string) *limiter.Bucket {
		return k.ofHeaders(t.Context(), now, metadata.Pairs("X-Tenant", tenant))
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
	r.Header.Set("X-Tenant", "a")
	assert.Same(t, of("a"), k.ofHTTP(now, r))
	long := strings.Repeat("x", 100_000)
	again := strings.Repeat("x", 100_000)
	assert.Same(t, of(long), of(again))
	assert.NotSame(t, of(long), of(long+"y"), "long keys are told apart, too")
	assert.Len(t, bounded(long), 32)
	missing := k.ofHeaders(t.Context(), now, nil)
	assert.Equal(t, classMissing, missing.Class())
	assert.Same(t, missing, of(""))
}

type attributes map[string]any

func (a attributes) GetAttribute(name string) any { return a[name] }
func (attributes) GetAttributeNames() []string    { return nil }

func TestAuthKeys(t *testing.T) {
	k := newKeys(&PerKeyConfig{By: byAuth, Name: "membership", MaxKeys: 100, Limits: LimitsConfig{RequestsPerSecond: 1}})
	now := time.Now()
	of := func(v any) *limiter.Bucket {
		return k.ofContext(client.NewContext(t.Context(), client.Info{Auth: attributes{"membership": v}}), now)
	}
	a, list := of("a"), of([]string{"a", "b"})
	assert.Same(t, a, of("a"))
	assert.NotSame(t, a, of("b"))
	assert.Same(t, list, of([]string{"a", "b"}))
	assert.Equal(t, classMissing, of(nil).Class())
	assert.Equal(t, classMissing, k.ofContext(t.Context(), now).Class())
	assert.Nil(t, k.ofHeaders(t.Context(), now, metadata.Pairs("membership", "a")), "headers are not who is logged in")
}

// TestAuthIdentity has contrib's basicauth say who it is, over both protocols.
func TestAuthIdentity(t *testing.T) {
	w := newWorld(t, `rate: {per_key: {by: auth, name: username, requests_per_second: 0.1, requests_burst: 2}}`)
	f := basicauthextension.NewFactory()
	cfg := f.CreateDefaultConfig()
	unmarshal(t, `htpasswd: {inline: "ann:a\nbob:b\n"}`, cfg)
	auth, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, auth.Start(t.Context(), w))
	defer func() { assert.NoError(t, auth.Shutdown(context.Background())) }()
	w.extensions[component.MustNewID("basicauth")] = auth
	r := &intake{grpc: freeAddress(t), http: freeAddress(t), sink: newPoints()}
	w.listen(r, `
  grpc: {endpoint: "`+r.grpc+`", middlewares: [{id: guard}], auth: {authenticator: basicauth}}
  http: {endpoint: "`+r.http+`", middlewares: [{id: guard}], auth: {authenticator: basicauth}}`)

	cc := dial(t, r.grpc)
	as := func(user, password string) error {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", basic(user, password))
		return sendContext(ctx, cc, 1, 10)
	}
	require.NoError(t, as("ann", "a"))
	assert.Equal(t, http.StatusOK, post(t, r.http, protobufType, nil, "Authorization", basic("ann", "a")).code)
	refusedWith(t, as("ann", "a"), codes.ResourceExhausted, "one client")
	assert.Equal(t, http.StatusTooManyRequests, post(t, r.http, protobufType, nil, "Authorization", basic("ann", "a")).code)
	require.NoError(t, as("bob", "b"))
	for range 5 {
		require.Error(t, as("bob", "wrong"))
	}
	require.NoError(t, as("bob", "b"), "who is not bob takes none of bob's tokens")
}

// TestAuthIdentityOverGRPC is known late: what one client is refused must cost the others nothing all the same.
func TestAuthIdentityOverGRPC(t *testing.T) {
	w := newWorld(t, `rate: {requests_per_second: 0.001, requests_burst: 3, bytes_per_second: 0.001, bytes_burst: 10000,
  per_key: {by: auth, name: user, requests_per_second: 0.001, requests_burst: 1}}`)
	s := w.guard.server
	call := func(user string, bytes int64) error {
		now := time.Now()
		c := &call{server: s}
		no := s.admit(now, &c.admission, overGRPC, -1, s.keys.ofHeaders(t.Context(), now, nil))
		if no.reason != admitted {
			return no.err()
		}
		c.watch(t.Context(), time.Minute)
		c.begin()
		defer c.end()
		c.arrive(bytes)
		auth := client.NewContext(t.Context(), client.Info{Auth: attributes{"user": user}})
		return c.correct(now, s.lateKey(auth))
	}
	require.NoError(t, call("ann", 10))
	for range 20 {
		refusedWith(t, call("ann", 5000), codes.ResourceExhausted, "one client")
	}
	require.NoError(t, call("bob", 10))
	require.NoError(t, call("cid", 10))
	refusedWith(t, call("dan", 10), codes.ResourceExhausted, "rate::requests_per_second")
	assert.Equal(t, int64(20), w.decided(overGRPC, keyRequestRate))
}

func basic(user, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}
