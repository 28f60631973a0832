package guardextension

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sluice-metrics/sluice/internal/limiter"
)

// rpcStatus reads the body that OTLP wants, in the encoding that the answer says it has.
func rpcStatus(t *testing.T, a answer, contentType string) (s *spb.Status, retry time.Duration) {
	t.Helper()
	require.Equal(t, contentType, a.header.Get("Content-Type"))
	s = &spb.Status{}
	if contentType == jsonType {
		require.NoError(t, protojson.Unmarshal(a.body, s), "%s", a.body)
	} else {
		require.NoError(t, proto.Unmarshal(a.body, s))
	}
	require.NotEmpty(t, s.GetMessage())
	for _, d := range s.GetDetails() {
		var info errdetails.RetryInfo
		require.NoError(t, d.UnmarshalTo(&info))
		retry = info.GetRetryDelay().AsDuration()
	}
	return s, retry
}

func TestHTTPRefusals(t *testing.T) {
	for _, contentType := range []string{protobufType, jsonType} {
		for _, compressed := range []bool{false, true} {
			t.Run(fmt.Sprint(contentType, compressed), func(t *testing.T) {
				w := newWorld(t, `rate: {requests_per_second: 0.1, requests_burst: 2}`)
				r := w.receive(newPoints())
				send := func() answer {
					data := encoded(t, contentType, batch(1, 100))
					if compressed {
						return post(t, r.http, contentType, gzipped(t, data), "Content-Encoding", "gzip")
					}
					return post(t, r.http, contentType, bytes.NewReader(data))
				}
				require.Equal(t, http.StatusOK, send().code)
				require.Equal(t, http.StatusOK, send().code)
				a := send()
				require.Equal(t, http.StatusTooManyRequests, a.code)
				s, retry := rpcStatus(t, a, contentType)
				assert.Equal(t, codes.ResourceExhausted, codes.Code(s.GetCode()))
				assert.Contains(t, s.GetMessage(), "rate::requests_per_second")
				assert.Equal(t, strconv.Itoa(int(retry.Seconds())), a.header.Get("Retry-After"))
				assert.InDelta(t, 12.5, retry.Seconds(), 3.5, "10 s, and up to half as much")
				assert.Equal(t, int64(2), w.decided(overHTTP, admitted))
				assert.Equal(t, int64(1), w.decided(overHTTP, requestRate))
			})
		}
	}
}

func TestHTTPRefusesOtherTypesInText(t *testing.T) {
	w := newWorld(t, `rate: {requests_per_second: 0.1, requests_burst: 1}`)
	r := w.receive(newPoints())
	post(t, r.http, "text/csv", nil)
	a := post(t, r.http, "text/csv", nil)
	assert.Equal(t, http.StatusTooManyRequests, a.code)
	assert.Equal(t, "text/plain; charset=utf-8", a.header.Get("Content-Type"))
	assert.NotEmpty(t, a.header.Get("Retry-After"))
}

// stream is a body of unknown length: it goes out in chunks.
func stream(r io.Reader) io.Reader { return struct{ io.Reader }{r} }

func TestHTTPBytesAreChargedAsTheyAreRead(t *testing.T) {
	for _, contentType := range []string{protobufType, jsonType} {
		t.Run(contentType, func(t *testing.T) {
			w := newWorld(t, `rate: {bytes_per_second: 1000, bytes_burst: 200000}`)
			r := w.receive(newPoints())
			send := func(id int64, size int) answer {
				return post(t, r.http, contentType, gzipped(t, encoded(t, contentType, batch(id, size))), "Content-Encoding", "gzip")
			}
			require.Equal(t, http.StatusOK, send(1, 190_000).code)
			require.Equal(t, http.StatusOK, send(2, 190_000).code, "the bucket is not in debt yet")
			tokens, _ := w.guard.server.total.Tokens(time.Now(), 2)
			assert.InDelta(t, -180_000, tokens, 4_000)
			a := send(3, 10)
			require.Equal(t, http.StatusTooManyRequests, a.code)
			_, retry := rpcStatus(t, a, contentType)
			assert.InDelta(t, 225, retry.Seconds(), 50, "until the debt is paid, and up to half as much")
			assert.Equal(t, int64(1), w.decided(overHTTP, byteRate))
		})
	}
}

// TestHTTPReadOverTheLimit has the receiver make its own answer of the error that a read returns.
func TestHTTPReadOverTheLimit(t *testing.T) {
	for _, contentType := range []string{protobufType, jsonType} {
		t.Run(contentType, func(t *testing.T) {
			w := newWorld(t, `in_flight: {bytes: 1000000}`)
			sink := newPoints()
			r := w.receive(sink)
			held, free := make(chan struct{}, 1), newBarrier(t)
			sink.hook = func(context.Context) error { held <- struct{}{}; <-free.c; return nil }
			body := encoded(t, contentType, batch(1, 700_000))
			first := make(chan answer)
			go func() { first <- tryPost(t.Context(), r.http, contentType, stream(bytes.NewReader(body))) }()
			<-held
			_, inFlight := w.guard.server.inFlight.Now()
			assert.InDelta(t, 700_000, inFlight, 1000)

			a := post(t, r.http, contentType, stream(bytes.NewReader(body)))
			require.Equal(t, http.StatusTooManyRequests, a.code)
			s, retry := rpcStatus(t, a, contentType)
			assert.Equal(t, codes.ResourceExhausted, codes.Code(s.GetCode()))
			assert.Contains(t, s.GetMessage(), "in_flight::bytes")
			assert.Contains(t, []time.Duration{time.Second, 2 * time.Second}, retry)
			assert.Equal(t, strconv.Itoa(int(retry.Seconds())), a.header.Get("Retry-After"))

			known := post(t, r.http, contentType, bytes.NewReader(body))
			assert.Equal(t, http.StatusTooManyRequests, known.code, "refused before it is read, for its length is known")
			assert.Equal(t, int64(2), w.decided(overHTTP, inFlightBytes))
			free.open()
			require.Equal(t, http.StatusOK, (<-first).code)
			require.Equal(t, http.StatusOK, post(t, r.http, contentType, stream(bytes.NewReader(body))).code)
		})
	}
}

// TestHTTPRefusedWhileSending has a client that reads nothing before it has sent all: it must find the answer then, and not a
// broken connection.
func TestHTTPRefusedWhileSending(t *testing.T) {
	const size = 12 << 20 // more than the kernel keeps
	for name, head := range map[string]string{
		"before it is read": "Content-Length: " + strconv.Itoa(size),
		"while it is read":  "Transfer-Encoding: chunked",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, `in_flight: {bytes: 9000000}`)
			r := w.receive(newPoints())
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.http)
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			_, err = io.WriteString(conn, "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"+head+"\r\n\r\n")
			require.NoError(t, err)
			time.Sleep(time.Second) // net/http waits for half of one before it closes
			if name == "while it is read" {
				body := httputil.NewChunkedWriter(conn)
				_, err = body.Write(make([]byte, size))
				require.NoError(t, err)
				require.NoError(t, body.Close())
				_, err = io.WriteString(conn, "\r\n")
			} else {
				_, err = conn.Write(make([]byte, size))
			}
			require.NoError(t, err, "the server does not read")
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer func() { _ = res.Body.Close() }()
			assert.Contains(t, []int{http.StatusRequestEntityTooLarge, http.StatusBadRequest}, res.StatusCode)
			assert.Equal(t, int64(1), w.decided(overHTTP, tooLarge))
		})
	}
}

// TestHTTPDrainsNotForEver: who says that it sends and does not is not waited for longer than receive_timeout, and holds no
// place. net/http reads a little of what is left before it answers, and has no deadline of its own.
func TestHTTPDrainsNotForEver(t *testing.T) {
	for name, head := range map[string]string{
		"long":       "Content-Length: 100000000",
		"short":      "Content-Length: 1000",
		"chunked":    "Transfer-Encoding: chunked",
		"compressed": "Content-Encoding: gzip\r\nContent-Length: 1000",
	} {
		begin := "" // what is read before any middleware is asked
		if name == "compressed" {
			begin = gzipped(t, nil).String()[:10]
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, `{rate: {requests_per_second: 0.001, requests_burst: 1}, in_flight: {receive_timeout: 300ms}}`)
			r := w.receive(newPoints())
			require.Equal(t, http.StatusOK, post(t, r.http, protobufType, nil).code)
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.http)
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience/4)))
			_, err = io.WriteString(conn, "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"+head+"\r\n\r\n"+begin)
			require.NoError(t, err)
			out, err := io.ReadAll(conn)
			require.NoError(t, err, "the server closes the connection")
			assert.Contains(t, string(out), "429 ")
			n, _ := w.guard.server.inFlight.Now()
			assert.Zero(t, n)
		})
	}
}

// TestHTTPGuessGivesWay: once a request is read, its place is as large as it is, and nothing more is expected of it.
func TestHTTPGuessGivesWay(t *testing.T) {
	w := newWorld(t, `{in_flight: {bytes: 1000000}, rate: {bytes_per_second: 1000000, bytes_burst: 100000000, per_key: {by: client_address, bytes_per_second: 1000000}}}`)
	sink := newPoints()
	r := w.receive(sink)
	large := encoded(t, protobufType, batch(1, 700_000))
	for range 3 {
		require.Equal(t, http.StatusOK, post(t, r.http, protobufType, stream(bytes.NewReader(large))).code)
	}
	held, free := make(chan struct{}, 1), newBarrier(t)
	sink.hook = func(context.Context) error { held <- struct{}{}; <-free.c; return nil }
	small := encoded(t, protobufType, batch(1, 100))
	first := make(chan answer)
	go func() { first <- tryPost(t.Context(), r.http, protobufType, stream(bytes.NewReader(small))) }()
	<-held
	_, inFlight := w.guard.server.inFlight.Now()
	assert.Equal(t, int64(len(small)), inFlight)
	assert.Zero(t, w.guard.server.total.Expected())
	free.open()
	require.Equal(t, http.StatusOK, (<-first).code)
}

// serve has the guard let one request through to a handler.
func serve(w *world, r *http.Request, next http.HandlerFunc) {
	(&httpHandler{server: w.guard.server, next: next}).ServeHTTP(httptest.NewRecorder(), r)
}

// TestHTTPBodyOutlivesItsHandler as it does one that passes it on: it must not see the next request's.
func TestHTTPBodyOutlivesItsHandler(t *testing.T) {
	w := newWorld(t, `{}`)
	request := func() *http.Request {
		return httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("secret"))
	}
	var kept io.Reader
	serve(w, request(), func(_ http.ResponseWriter, r *http.Request) { kept = r.Body })
	serve(w, request(), func(http.ResponseWriter, *http.Request) {
		got, err := io.ReadAll(kept)
		assert.ErrorIs(t, err, http.ErrBodyReadAfterClose)
		assert.Empty(t, got)
	})
}

// TestHTTPForwarder has a client read the body in a goroutine of its own, which may go on when the handler has returned.
func TestHTTPForwarder(t *testing.T) {
	w := newWorld(t, `in_flight: {bytes: 100000000}`)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close") // it answers before it has read
		w.WriteHeader(http.StatusTeapot)
	}))
	defer backend.Close()
	server := httptest.NewServer(&httpHandler{server: w.guard.server, next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, backend.URL, r.Body)
		if !assert.NoError(t, err) {
			return
		}
		if res, err := backend.Client().Do(req); err == nil {
			_ = res.Body.Close()
			w.WriteHeader(res.StatusCode)
		}
	})})
	defer server.Close()
	for range 20 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, bytes.NewReader(make([]byte, 3<<20)))
		require.NoError(t, err)
		if res, err := server.Client().Do(req); err == nil { // the connection may break before
			_ = res.Body.Close()
		}
	}
	w.quiet()
}

// TestHTTPPartOfABodyIsCharged though its handler never reads the rest.
func TestHTTPPartOfABodyIsCharged(t *testing.T) {
	w := newWorld(t, `rate: {bytes_per_second: 0.001, bytes_burst: 1000}`)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 500)))
	serve(w, r, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.CopyN(io.Discard, r.Body, 300)
		assert.NoError(t, err)
	})
	tokens, _ := w.guard.server.total.Tokens(time.Now(), limiter.Bytes)
	assert.InDelta(t, 700, tokens, 1)
}

func TestHTTPTooLargeIsForGood(t *testing.T) {
	for name, text := range map[string]string{
		"in_flight": `in_flight: {bytes: 1000}`,
		"rate":      `rate: {bytes_per_second: 1000, bytes_burst: 1000}`,
		"key":       `rate: {per_key: {by: client_address, bytes_per_second: 1000, bytes_burst: 1000}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, text)
			r := w.receive(newPoints())
			body := encoded(t, protobufType, batch(1, 100_000))
			known := post(t, r.http, protobufType, bytes.NewReader(body))
			assert.Equal(t, http.StatusRequestEntityTooLarge, known.code)
			assert.Empty(t, known.header.Get("Retry-After"))
			read := post(t, r.http, protobufType, stream(bytes.NewReader(body)))
			assert.Equal(t, http.StatusBadRequest, read.code)
			assert.Empty(t, read.header.Get("Retry-After"))
			s, _ := rpcStatus(t, read, protobufType)
			assert.Contains(t, s.GetMessage(), "never be taken")
			assert.Equal(t, int64(2), w.decided(overHTTP, tooLarge))
		})
	}
}

// TestHTTPLengthsBeyondReason: what two clients say that they will send adds up to a number that there is.
func TestHTTPLengthsBeyondReason(t *testing.T) {
	w := newWorld(t, `{}`)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x"))
	r.ContentLength = math.MaxInt64
	look := func(http.ResponseWriter, *http.Request) {
		_, bytes := w.guard.server.inFlight.Now()
		assert.GreaterOrEqual(t, bytes, int64(0))
	}
	serve(w, r, func(rw http.ResponseWriter, r *http.Request) {
		look(rw, r)
		serve(w, r.Clone(t.Context()), look)
	})
	r.ContentLength = largestBytes
	serve(w, r, look)
	assert.Equal(t, int64(1), w.decided(overHTTP, tooLarge))
	assert.Equal(t, int64(1), w.decided(overHTTP, admitted))
}

func TestHTTPInFlightRequests(t *testing.T) {
	w := newWorld(t, `in_flight: {requests: 1}`)
	sink := newPoints()
	r := w.receive(sink)
	held, free := make(chan struct{}, 1), newBarrier(t)
	sink.hook = func(context.Context) error { held <- struct{}{}; <-free.c; return nil }
	first := make(chan answer)
	body := encoded(t, protobufType, batch(1, 100))
	go func() { first <- tryPost(t.Context(), r.http, protobufType, bytes.NewReader(body)) }()
	<-held
	a := post(t, r.http, protobufType, nil)
	assert.Equal(t, http.StatusTooManyRequests, a.code)
	assert.Equal(t, int64(1), w.decided(overHTTP, inFlightRequests))
	free.open()
	assert.Equal(t, http.StatusOK, (<-first).code)
	assert.Equal(t, http.StatusOK, post(t, r.http, protobufType, nil).code)
}

func TestHTTPMemory(t *testing.T) {
	w := newWorld(t, `memory: {limit_mib: 1}`)
	r := w.receive(newPoints())
	a := post(t, r.http, protobufType, nil)
	require.Equal(t, http.StatusServiceUnavailable, a.code)
	s, retry := rpcStatus(t, a, protobufType)
	assert.Equal(t, codes.Unavailable, codes.Code(s.GetCode()))
	assert.GreaterOrEqual(t, retry, time.Second)
	assert.NotEmpty(t, a.header.Get("Retry-After"))
	assert.Equal(t, int64(1), w.decided(overHTTP, lowMemory))
}

// TestHTTPSlowBody is a client that sends a byte and then nothing.
func TestHTTPSlowBody(t *testing.T) {
	w := newWorld(t, `in_flight: {requests: 1, receive_timeout: 300ms}`)
	slowBody(t, w, w.receive(newPoints()))
}

// TestHTTPSlowBodyByTheServersTimeout: the guard does not lengthen what the server has.
func TestHTTPSlowBodyByTheServersTimeout(t *testing.T) {
	w := newWorld(t, `in_flight: {requests: 1, receive_timeout: 1h}`)
	r := &intake{http: freeAddress(t), sink: newPoints()}
	w.listen(r, `
  http: {endpoint: "`+r.http+`", read_timeout: 300ms, middlewares: [{id: guard}]}`)
	slowBody(t, w, r)
}

// TestHTTPSlowCompressedBody sends nothing of what is read before any middleware: only the server's timeout ends it.
func TestHTTPSlowCompressedBody(t *testing.T) {
	w := newWorld(t, `{}`)
	r := &intake{http: freeAddress(t), sink: newPoints()}
	w.listen(r, `
  http: {endpoint: "`+r.http+`", read_timeout: 300ms, middlewares: [{id: guard}]}`)
	for _, encoding := range []string{"gzip", "snappy"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.http)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		_, err = io.WriteString(conn, "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Encoding: "+encoding+"\r\nContent-Length: 1000\r\n\r\n")
		require.NoError(t, err)
		_, err = io.ReadAll(conn)
		require.NoError(t, err, "the server closes the connection")
		require.NoError(t, conn.Close())
	}
}

func slowBody(t *testing.T, w *world, r *intake) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.http)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\nx")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	out, err := io.ReadAll(conn)
	require.NoError(t, err, "the server closes the connection")
	assert.Contains(t, string(out), "503 Service Unavailable")
	assert.Contains(t, string(out), "receive_timeout")
	assert.Equal(t, int64(1), w.decided(overHTTP, receiveTimeout))
	assert.Equal(t, http.StatusOK, post(t, r.http, protobufType, nil).code, "its place is free")
}

// TestHTTPSlowPipeline may take longer than a request may take to arrive: the deadline ends with the body.
func TestHTTPSlowPipeline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, `in_flight: {receive_timeout: 1s}`)
	sink := newPoints()
	sink.hook = func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(1700 * time.Millisecond):
			return nil
		}
	}
	r := &intake{http: freeAddress(t), sink: sink}
	w.listen(r, `
  http: {endpoint: "`+r.http+`", read_timeout: 1500ms, middlewares: [{id: guard}]}`) // longer than the guard's, shorter than the pipeline
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.http+"/v1/metrics",
			bytes.NewReader(encoded(t, protobufType, batch(1, 10))))
		require.NoError(t, err)
		req.Header.Set("Content-Type", protobufType)
		res, err := client.Do(req)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, res.Body)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusOK, res.StatusCode)
		time.Sleep(1200 * time.Millisecond) // longer than the deadline, on the same connection
	}
}

// TestHTTPNeverEndingBody is bounded by what is in flight long before the receiver's own limit.
func TestHTTPNeverEndingBody(t *testing.T) {
	w := newWorld(t, `in_flight: {bytes: 4000000}`)
	r := w.receive(newPoints())
	endless, feed := io.Pipe()
	go func() {
		chunk := make([]byte, 64<<10)
		for {
			if _, err := feed.Write(chunk); err != nil {
				return
			}
		}
	}()
	a := post(t, r.http, protobufType, endless)
	assert.Equal(t, http.StatusBadRequest, a.code)
	assert.Equal(t, int64(1), w.decided(overHTTP, tooLarge))
	require.NoError(t, endless.Close())
}

// TestHTTPBomb is small on the wire and large when it is decompressed: that is what counts.
func TestHTTPBomb(t *testing.T) {
	w := newWorld(t, `in_flight: {bytes: 1000000}`)
	r := w.receive(newPoints())
	bomb := gzipped(t, make([]byte, 15<<20))
	require.Less(t, bomb.Len(), 20_000)
	a := post(t, r.http, protobufType, bomb, "Content-Encoding", "gzip")
	assert.Equal(t, http.StatusBadRequest, a.code)
	assert.Equal(t, int64(1), w.decided(overHTTP, tooLarge))
}

func TestHTTPPanicsAndBrokenBodiesLeakNothing(t *testing.T) {
	w := newWorld(t, `
in_flight: {requests: 100, bytes: 10000000}
rate: {requests_per_second: 1000000, bytes_per_second: 1000000, per_key: {by: client_address, requests_per_second: 1000000, bytes_per_second: 1000000}}`)
	wrap, err := w.guard.GetHTTPHandler(t.Context())
	require.NoError(t, err)
	h, err := wrap(t.Context(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/panic":
			_, _ = io.CopyN(io.Discard, r.Body, 10)
			panic(http.ErrAbortHandler)
		case "/partial":
			_, _ = io.CopyN(io.Discard, r.Body, 10)
		case "/close":
			_ = r.Body.Close()
			_, _ = io.ReadAll(r.Body)
		case "/ignore":
		default:
			_, _ = io.ReadAll(r.Body)
		}
	}))
	require.NoError(t, err)
	var came atomic.Int64 // of a request that is cancelled at once the server may hear nothing
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came.Add(1)
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 25 {
				path := []string{"/panic", "/partial", "/close", "/ignore", "/whole", "/cancel", "/broken"}[(i+j)%7]
				ctx, cancel := context.WithCancel(t.Context())
				var body io.Reader = strings.NewReader(strings.Repeat("x", 100_000))
				switch path {
				case "/cancel":
					time.AfterFunc(time.Millisecond, cancel)
					body = io.MultiReader(body, blockUntil(ctx))
				case "/broken":
					body = io.MultiReader(body, errReader{})
				}
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+path, body)
				if assert.NoError(t, err) {
					if res, err := server.Client().Do(req); err == nil {
						_, _ = io.Copy(io.Discard, res.Body)
						_ = res.Body.Close()
					}
				}
				cancel()
			}
		})
	}
	wg.Wait()
	w.quiet()
	var sum int64
	for r := range reasons {
		sum += w.decided(overHTTP, r)
	}
	assert.Equal(t, came.Load(), sum, "each request is counted once")
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errDown }

type blockedReader struct{ ctx context.Context } //nolint:containedctx // a reader has no other

func blockUntil(ctx context.Context) io.Reader { return blockedReader{ctx} }

func (b blockedReader) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}
