package promotlp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBatchesAreTheBatchInParts(t *testing.T) {
	var page strings.Builder
	for i := range 25 {
		fmt.Fprintf(&page, "m%d{l=\"a\"} %d\nm%d{l=\"b\"} %d\n", i/2, i, i/2, i)
	}
	for _, most := range []int{0, 1, 7, 55, 1000} {
		_, one := read(t, page.String(), text)
		_, parted := read(t, page.String(), text)
		for second := int64(began + 1); second < began+4; second++ {
			r := Report{At: time.Unix(second, 0), Up: true}
			require.NoError(t, one.Read([]byte(page.String()), text, r.At))
			require.NoError(t, parted.Read([]byte(page.String()), text, r.At))
			want := render(one.Batch(r))
			var got []string
			parts := parted.Batches(r, most)
			for i, md := range parts {
				assert.True(t, md.IsReadOnly())
				if most > 0 && i < len(parts)-1 {
					assert.Equal(t, most, md.DataPointCount())
				}
				got = append(got, render(md)...)
			}
			assert.Equal(t, want, got)
			one.Delivered(nil)
			parted.Delivered(nil)
		}
	}
}

func TestARepetitionSaysNothingButUp(t *testing.T) {
	_, c := read(t, "a 1\nb 2\n", text)
	scraped, err := scrapeAt(c, "a 1\nb 2\n", text, began+1)
	require.NoError(t, err)
	for second := int64(began + 2); second < began+9; second++ {
		md := c.Repeat(time.Unix(second, 0), second%2 == 0)
		assert.True(t, md.IsReadOnly())
		assert.Equal(t, []string{fmt.Sprintf("up gauge/gauge %d at=%d", (second+1)%2, second)}, render(md))
		assert.Equal(t, resourceOfUp(t, dump(t, scraped)), resourceOfUp(t, dump(t, md)), "it is the same series")
	}
	md, err := scrapeAt(c, "a 1\n", text, began+9)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"a gauge/unknown 1 at=1009", "b gauge/unknown at=1009 stale"}, withoutReport(render(md)))
}

func TestARepetitionHasTheReportsLabels(t *testing.T) {
	_, c := read(t, "a 1\n", text, func(o *Options) { o.External = labels.FromStrings("cluster", "x") })
	assert.Equal(t, []string{"up gauge/gauge {cluster=x} 1 at=1001"}, render(c.Repeat(time.Unix(began+1, 0), true)))
}

// resourceOfUp is what is before the first metric, which all metrics of the page have in common.
func resourceOfUp(t *testing.T, dumped string) string {
	t.Helper()
	before, _, found := strings.Cut(dumped, `"metrics"`)
	require.True(t, found)
	return before
}
