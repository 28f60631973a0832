package load

import (
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// answer is what became of one request.
type answer struct {
	kind       kind
	rejected   int64 // points of an accepted request that the server says it did not take
	retryAfter bool  // a refusal told when to come again
	err        error // of anything but an accepted request
}

type kind int

const (
	accepted kind = iota
	refused       // the server answered that it does not take it now
	failed        // no answer, or one that says never
)

func fromGRPC(err error) answer {
	s := status.Convert(err)
	a := answer{kind: failed, err: err}
	switch s.Code() { //nolint:exhaustive // the codes of an overload; all else is a failure
	case codes.ResourceExhausted:
		a.kind = refused
	case codes.Unavailable:
		if !noConnection(s.Message()) {
			a.kind = refused
		}
	}
	for _, d := range s.Details() {
		if _, ok := d.(*errdetails.RetryInfo); ok {
			a.retryAfter = true
		}
	}
	return a
}

// noConnection tells the client library's own Unavailable from a server's: they have no other mark.
func noConnection(message string) bool {
	for _, own := range []string{"connection error", "error reading from server", "transport is closing", "closing transport", "the connection is"} {
		if strings.Contains(message, own) {
			return true
		}
	}
	return false
}
