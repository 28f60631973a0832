package scrape

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithoutParameters(t *testing.T) {
	cause := errors.New("refused")
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"no URL":              {cause, "refused"},
		"no parameters":       {&url.Error{Op: "Get", URL: "http://h:1/m", Err: cause}, `Get "http://h:1/m": refused`},
		"parameters":          {&url.Error{Op: "Get", URL: "http://h:1/m?a=s3&a=s4&b=s5", Err: cause}, `Get "http://h:1/m?a=xxxxx&b=xxxxx": refused`},
		"inside another one":  {fmt.Errorf("x: %w", &url.Error{Op: "Get", URL: "http://h/m?a=s3", Err: cause}), `Get "http://h/m?a=xxxxx": refused`},
		"beneath another one": {&url.Error{Op: "Get", URL: "http://h/m?a=s3", Err: &url.Error{Op: "Post", URL: "http://t?b=s4", Err: cause}}, `Get "http://h/m?a=xxxxx": Post "http://t?b=xxxxx": refused`},
	} {
		t.Run(name, func(t *testing.T) {
			got := withoutParameters(tc.err)
			require.EqualError(t, got, tc.want)
			assert.ErrorIs(t, got, cause)
		})
	}
	assert.NoError(t, withoutParameters(nil))
}
