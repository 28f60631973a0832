package pushgroup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-metrics/sluice/internal/retryafter"
)

// Verdict is what an answer means for what was asked.
type Verdict int8

// The verdicts.
const (
	// Accepted: done.
	Accepted Verdict = iota
	// Inconsistent: a family or more of the push is refused (400).
	Inconsistent
	// Permanent: it will not be taken, however often it is sent.
	Permanent
	// Transient: it may be taken later.
	Transient
	// Canceled: given up here.
	Canceled
)

// Answer is what came of one request.
type Answer struct {
	Verdict Verdict
	// Status is 0 without an answer, Err says why there is none.
	Status int
	Err    error
	// Message is the gateway's own, on one line.
	Message string
	// RetryAfter is how long the gateway wants to be left alone; 0 if it does not say.
	RetryAfter time.Duration
	// unreachable: nobody has answered, so the gateway may come back without its groups.
	unreachable bool
}

// Reason is short and one of few: the status, or why there is none.
func (a *Answer) Reason() string {
	var timeout net.Error
	switch {
	case a.Status != 0:
		return strconv.Itoa(a.Status)
	case a.Verdict == Accepted:
		return "none"
	case a.Verdict == Canceled:
		return "canceled"
	case errors.As(a.Err, &timeout) && timeout.Timeout():
		return "timeout"
	default:
		return "network"
	}
}

// Fault describes an answer that is not Accepted.
func (a *Answer) Fault() error {
	if a.Status == 0 {
		return a.Err
	}
	text := fmt.Sprintf("status %d", a.Status)
	if a.Status >= 300 && a.Status < 400 {
		text += " (redirects are not followed)"
	}
	if a.Message != "" {
		text += ": " + a.Message
	}
	return errors.New(text)
}

func failed(ctx context.Context, err error) Answer {
	if ctx.Err() != nil {
		return Answer{Verdict: Canceled, Err: ctx.Err()}
	}
	var timeout net.Error
	return Answer{Verdict: Transient, Err: err, unreachable: !errors.As(err, &timeout) || !timeout.Timeout()}
}

func answered(resp *http.Response) Answer {
	return Answer{
		Status: resp.StatusCode, Verdict: verdictOf(resp.StatusCode), Message: message(resp.Body),
		RetryAfter:  retryafter.In(resp.Header, time.Now(), maxRetryAfter),
		unreachable: resp.StatusCode >= http.StatusBadGateway && resp.StatusCode <= http.StatusGatewayTimeout,
	}
}

func verdictOf(status int) Verdict {
	switch {
	case status >= 200 && status < 300:
		return Accepted
	case status == http.StatusBadRequest:
		return Inconsistent
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return Transient
	default:
		return Permanent
	}
}

const (
	maxMessage = 1 << 10
	// maxUnread is how much of an answer is read so that its connection can be used again.
	maxUnread = 64 << 10
)

func message(from io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(from, maxMessage))
	_, _ = io.CopyN(io.Discard, from, maxUnread)
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "\uFFFD")), " ")
}

// maxRetryAfter bounds what a gateway may ask for.
const maxRetryAfter = 10 * time.Minute
