package guardextension

import (
	"google.golang.org/grpc/codes"

	"github.com/sluice-metrics/sluice/internal/limiter"
)

// reason is what became of a request.
type reason int8

const (
	admitted reason = iota
	requestRate
	byteRate
	keyRequestRate
	keyByteRate
	inFlightRequests
	inFlightBytes
	lowMemory
	tooLarge
	receiveTimeout
	abandoned
	breakerOpen
	reasons
)

// reasonTexts are how each is called in self-metrics, and what the client is told.
var reasonTexts = [reasons]struct{ name, message string }{
	admitted:         {"none", ""},
	requestRate:      {"request_rate", "more than rate::requests_per_second allows"},
	byteRate:         {"byte_rate", "more than rate::bytes_per_second allows"},
	keyRequestRate:   {"key_request_rate", "more than rate::per_key::requests_per_second allows one client"},
	keyByteRate:      {"key_byte_rate", "more than rate::per_key::bytes_per_second allows one client"},
	inFlightRequests: {"in_flight_requests", "as many requests are being served as in_flight::requests allows"},
	inFlightBytes:    {"in_flight_bytes", "as many bytes are being served as in_flight::bytes allows"},
	lowMemory:        {"memory", "memory is low"},
	tooLarge:         {"too_large", "the request is larger than in_flight::bytes or a bytes_burst, and would never be taken"},
	receiveTimeout:   {"receive_timeout", "the request did not arrive within in_flight::receive_timeout"},
	abandoned:        {"abandoned", "the request did not arrive whole"},
	breakerOpen:      {"breaker_open", "the backend failed, and is left alone for a while"},
}

func (r reason) String() string { return reasonTexts[r].name }

// code is what OTLP wants: ResourceExhausted and Unavailable are retried if the answer says when, as it always does save
// when a request is too large for ever.
func (r reason) code() codes.Code {
	switch r {
	case lowMemory, receiveTimeout, abandoned, breakerOpen:
		return codes.Unavailable
	default:
		return codes.ResourceExhausted
	}
}

// reasonOf is what a limit of all clients is called; of one client it is keyed.
func reasonOf(l limiter.Limit, keyed bool) reason {
	switch {
	case l == limiter.Requests && keyed:
		return keyRequestRate
	case l == limiter.Requests:
		return requestRate
	case l == limiter.Bytes && keyed:
		return keyByteRate
	case l == limiter.Bytes:
		return byteRate
	case l == limiter.InFlightRequests:
		return inFlightRequests
	case l == limiter.InFlightBytes:
		return inFlightBytes
	default:
		return admitted
	}
}
