package scrape

import (
	"errors"
	"net/url"
)

// hidden stands for what may be a secret.
const hidden = "xxxxx"

// withoutParameters hides the values of parameters in the URL of a request that failed. That URL may be another one than
// the target's: a redirect's, and beneath it the one that tokens are got from.
func withoutParameters(err error) error {
	failed, ok := errors.AsType[*url.Error](err)
	if !ok {
		return err
	}
	u, parsed := url.Parse(failed.URL)
	if parsed != nil {
		return err
	}
	return &url.Error{Op: failed.Op, URL: redactedURL(u), Err: withoutParameters(failed.Err)}
}

// redactedURL has no values of parameters.
func redactedURL(u *url.URL) string {
	if u.RawQuery == "" {
		return u.String()
	}
	shown := *u
	q := shown.Query()
	for k := range q {
		q.Set(k, hidden)
	}
	shown.RawQuery = q.Encode()
	return shown.String()
}
