package sink

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/golang/snappy"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/protobuf/encoding/protowire"
)

// HTTP takes OTLP on /v1/metrics and Prometheus remote write 1.0 on /api/v1/write. It must be closed.
type HTTP struct {
	Counter
	mode    Mode
	closing chan struct{}
	server  *http.Server
	once    sync.Once
	wg      sync.WaitGroup
}

// NewHTTP listens on address, host:port.
func NewHTTP(address string, mode Mode) (*HTTP, error) {
	l, err := listen(address)
	if err != nil {
		return nil, err
	}
	s := &HTTP{mode: mode, closing: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/metrics", s.take(otlpPoints))
	mux.HandleFunc("POST /api/v1/write", s.take(remoteWriteSamples))
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	s.wg.Go(func() { _ = s.server.Serve(l) }) // it ends with Close
	return s, nil
}

// Close ends the sink and lets go of requests that hang. It may be called again.
func (s *HTTP) Close() {
	s.once.Do(func() {
		close(s.closing)
		_ = s.server.Close() // what is cut off is not counted
	})
	s.wg.Wait()
}

func (s *HTTP) take(points func(*http.Request) (int, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := points(r)
		if err == nil {
			err = s.mode.wait(r.Context(), s.closing)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.count(n)
		w.WriteHeader(http.StatusOK)
	}
}

func otlpPoints(r *http.Request) (int, error) {
	var body io.Reader = r.Body
	switch e := r.Header.Get("Content-Encoding"); e {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return 0, err
		}
		body = z
	default:
		return 0, fmt.Errorf("content encoding %q", e)
	}
	b, err := io.ReadAll(io.LimitReader(body, maxRequestSize))
	if err != nil {
		return 0, err
	}
	req := pmetricotlp.NewExportRequest()
	if err := req.UnmarshalProto(b); err != nil {
		return 0, err
	}
	return req.Metrics().DataPointCount(), nil
}

func remoteWriteSamples(r *http.Request) (int, error) {
	if e := r.Header.Get("Content-Encoding"); e != "snappy" {
		return 0, fmt.Errorf("content encoding %q", e)
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxRequestSize))
	if err != nil {
		return 0, err
	}
	if b, err = snappy.Decode(nil, b); err != nil {
		return 0, err
	}
	return countSamples(b)
}

// countSamples counts the samples of a prometheus.WriteRequest: field 1 is a series, in it field 2 a sample.
func countSamples(request []byte) (int, error) {
	total := 0
	err := fields(request, 1, func(series []byte) error {
		return fields(series, 2, func([]byte) error {
			total++
			return nil
		})
	})
	return total, err
}

var errProtobuf = errors.New("not protobuf")

// fields calls visit for each message in field number want of b.
func fields(b []byte, want protowire.Number, visit func([]byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errProtobuf
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(number, kind, b)
		if size < 0 {
			return errProtobuf
		}
		if number == want && kind == protowire.BytesType {
			message, _ := protowire.ConsumeBytes(b)
			if err := visit(message); err != nil {
				return err
			}
		}
		b = b[size:]
	}
	return nil
}
