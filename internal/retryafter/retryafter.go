// Package retryafter reads when a server says to come back: its HTTP header, or google.rpc.RetryInfo.
package retryafter

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// In returns how long after now the server of h asks to be left alone, at most as long as most: it may ask for centuries.
// It is 0 if h does not say, or not in one of the two forms of RFC 9110, section 10.2.3: seconds, of which there may be more
// than fit, and a date.
func In(h http.Header, now time.Time, most time.Duration) time.Duration {
	text := h.Get("Retry-After")
	var wait time.Duration
	if n, err := strconv.ParseInt(text, 10, 32); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), most)
}
