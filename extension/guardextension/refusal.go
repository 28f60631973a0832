package guardextension

import (
	"maps"
	"math/rand/v2"
	"mime"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// refusal is why a request may not go on, and how long the client is to wait. The zero refusal is none.
type refusal struct {
	reason reason
	wait   time.Duration
}

// refuse lengthens the wait by up to half at random, so that those refused together do not come back together.
func refuse(r reason, wait time.Duration) refusal {
	wait = max(wait, time.Millisecond)
	return refusal{r, wait + rand.N(wait/2+1)} //nolint:gosec // it spreads load, and keeps no secret
}

// status is the refusal as gRPC has it. One that says no time to retry is for good.
func (r refusal) status(wait time.Duration) *status.Status {
	code := r.reason.code()
	s := status.New(code, "guard: "+reasonTexts[r.reason].message)
	if r.reason == tooLarge {
		return s
	}
	detailed, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	if err != nil {
		return s // RetryInfo can be marshalled
	}
	return detailed
}

// err is the answer to a gRPC client.
func (r refusal) err() error { return r.status(r.wait).Err() }

// readError is what reading the body of an HTTP request returns. The OTLP receiver makes 429, 503 or 400 of it, and truncates
// the wait to whole seconds.
func (r refusal) readError() error {
	if r.reason == tooLarge {
		return status.Error(codes.InvalidArgument, "guard: "+reasonTexts[tooLarge].message)
	}
	return r.status(time.Duration(r.seconds()) * time.Second).Err()
}

func (r refusal) seconds() int64 { return int64((r.wait + time.Second - 1) / time.Second) }

func (r refusal) httpCode() int {
	switch {
	case r.reason == tooLarge:
		return http.StatusRequestEntityTooLarge
	case r.reason.code() == codes.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusTooManyRequests
	}
}

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// respond writes the answer to an HTTP client: what OTLP wants, in the encoding of the request.
func (r refusal) respond(w http.ResponseWriter, contentType string) {
	h := w.Header()
	maps.Copy(h, r.header())
	body, answerType := r.body(contentType)
	h.Set("Content-Type", answerType)
	w.WriteHeader(r.httpCode())
	_, _ = w.Write(body) //nolint:gosec // it is made of constants; and a client that is gone needs no answer
}

func (r refusal) header() http.Header {
	if r.reason == tooLarge {
		return nil
	}
	return http.Header{"Retry-After": {strconv.FormatInt(r.seconds(), 10)}}
}

func (r refusal) body(contentType string) (body []byte, answerType string) {
	s := r.status(time.Duration(r.seconds()) * time.Second).Proto()
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch mediaType {
	case protobufType:
		return marshal(proto.Marshal, s), protobufType
	case jsonType:
		return marshal(protojson.Marshal, s), jsonType
	default:
		return []byte(s.GetMessage() + "\n"), "text/plain; charset=utf-8"
	}
}

func marshal(as func(proto.Message) ([]byte, error), s *spb.Status) []byte {
	body, err := as(s)
	if err != nil {
		return nil // a status made of constants can be marshalled
	}
	return body
}
