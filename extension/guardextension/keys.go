package guardextension

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"go.opentelemetry.io/collector/client"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/sluice-metrics/sluice/internal/limiter"
)

// keys find the bucket of whoever sends. A nil bucket means that it is not known yet who that is.
type keys interface {
	ofHTTP(now time.Time, r *http.Request) *limiter.Bucket
	// ofHeaders is asked before a gRPC request is read, ofContext once it is decoded.
	ofHeaders(ctx context.Context, now time.Time, md metadata.MD) *limiter.Bucket
	ofContext(ctx context.Context, now time.Time) *limiter.Bucket
	named(i int) *limiter.Bucket
	counts() (remembered int, evicted int64)
}

func newKeys(c *PerKeyConfig) keys {
	if c.By == byClientAddress {
		return &addressKeys{keyed: newKeyed(c, nil, func(s string) netip.Addr {
			return clientOf(netip.MustParseAddr(s), c.IPv6Prefix) // Validate has tried it
		}), prefix: c.IPv6Prefix}
	}
	t := textKeys{keyed: newKeyed(c, strings.Clone, bounded), missing: limiter.NewBucket(c.Limits.limits(), classMissing), name: c.Name}
	if c.By == byAuth {
		return &authKeys{t}
	}
	return &metadataKeys{textKeys: t, header: http.CanonicalHeaderKey(c.Name), lower: strings.ToLower(c.Name)}
}

func newKeyed[K comparable](c *PerKeyConfig, clone func(K) K, parse func(string) K) *limiter.Keyed[K] {
	set := limiter.KeyedSettings[K]{Limits: c.Limits.limits(), MaxKeys: c.MaxKeys, Clone: clone}
	for _, o := range c.Overrides {
		set.Named = append(set.Named, limiter.Own[K]{Key: parse(o.Key), Limits: o.Limits.limits()})
	}
	return limiter.NewKeyed(set)
}

// textKeys are values of a header or attribute. missing is the bucket of requests that have none.
type textKeys struct {
	keyed   *limiter.Keyed[string]
	missing *limiter.Bucket
	name    string
}

func (k *textKeys) bucket(now time.Time, key string) *limiter.Bucket {
	if key == "" {
		return k.missing
	}
	return k.keyed.Bucket(now, bounded(key))
}

func (k *textKeys) named(i int) *limiter.Bucket { return k.keyed.Named(i) }

func (k *textKeys) counts() (remembered int, evicted int64) { return k.keyed.Counts() }

// longestKey bounds what a key takes in memory: of a longer one its hash is kept.
const longestKey = 64

func bounded(key string) string {
	if len(key) <= longestKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return string(sum[:])
}

// metadataKeys tell clients by a header.
type metadataKeys struct {
	textKeys

	header, lower string
}

func (k *metadataKeys) ofHTTP(now time.Time, r *http.Request) *limiter.Bucket {
	return k.bucket(now, first(r.Header[k.header]))
}

func (k *metadataKeys) ofHeaders(_ context.Context, now time.Time, md metadata.MD) *limiter.Bucket {
	return k.bucket(now, first(md[k.lower]))
}

func (*metadataKeys) ofContext(context.Context, time.Time) *limiter.Bucket { return nil }

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// authKeys tell them by what the authenticator says.
type authKeys struct{ textKeys }

func (k *authKeys) ofHTTP(now time.Time, r *http.Request) *limiter.Bucket {
	return k.ofContext(r.Context(), now)
}

// ofHeaders knows nobody: the headers are read before the authenticator sees them.
func (*authKeys) ofHeaders(context.Context, time.Time, metadata.MD) *limiter.Bucket { return nil }

func (k *authKeys) ofContext(ctx context.Context, now time.Time) *limiter.Bucket {
	auth := client.FromContext(ctx).Auth
	if auth == nil {
		return k.missing
	}
	switch v := auth.GetAttribute(k.name).(type) {
	case nil:
		return k.missing
	case string:
		return k.bucket(now, v)
	default:
		return k.bucket(now, fmt.Sprint(v))
	}
}

// addressKeys tell them by their IP address.
type addressKeys struct {
	keyed  *limiter.Keyed[netip.Addr]
	prefix int
}

func (k *addressKeys) ofHTTP(now time.Time, r *http.Request) *limiter.Bucket {
	return k.bucket(now, client.FromContext(r.Context()).Addr)
}

func (k *addressKeys) ofHeaders(ctx context.Context, now time.Time, _ metadata.MD) *limiter.Bucket {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return k.bucket(now, nil)
	}
	return k.bucket(now, p.Addr)
}

func (*addressKeys) ofContext(context.Context, time.Time) *limiter.Bucket { return nil }

func (k *addressKeys) named(i int) *limiter.Bucket { return k.keyed.Named(i) }

func (k *addressKeys) counts() (remembered int, evicted int64) { return k.keyed.Counts() }

// bucket takes who has no IP address, as over a Unix socket, for one client.
func (k *addressKeys) bucket(now time.Time, addr net.Addr) *limiter.Bucket {
	var ip net.IP
	switch a := addr.(type) {
	case *net.IPAddr:
		ip = a.IP
	case *net.TCPAddr:
		ip = a.IP
	}
	key, _ := netip.AddrFromSlice(ip)
	return k.keyed.Bucket(now, clientOf(key, k.prefix))
}

// clientOf leaves of an IPv6 address what makes a client.
func clientOf(addr netip.Addr, prefix int) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	p, err := addr.Prefix(prefix)
	if err != nil {
		return addr // ipv6_prefix is from 1 to 128
	}
	return p.Addr()
}
