package retryafter

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// InStatus returns how long who refused asks to be left alone, as google.rpc.RetryInfo tells it, and whether it does.
func InStatus(s *status.Status) (wait time.Duration, said bool) {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), 0), true
		}
	}
	return 0, false
}

// InError is InStatus of an error that has a status or wraps one that has; 0 for others.
func InError(err error) time.Duration {
	s, ok := status.FromError(err)
	if !ok {
		return 0
	}
	wait, _ := InStatus(s)
	return wait
}
