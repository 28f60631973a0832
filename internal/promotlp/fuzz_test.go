package promotlp

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzPage reads a page twice, then another format's idea of it: whatever it is, the batches are well formed.
func FuzzPage(f *testing.F) {
	for _, page := range []string{
		"a 1\n", "a 1 5\na 2 6\n", "# TYPE c counter\nc_total 1 # {trace_id=\"01\"} 2 3\nc_created 4\n# EOF\n",
		"# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n# EOF\n",
		"# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n", "target_info{a=\"b\"} 1\na{otel_scope_name=\"s\"} 1\n",
		families(f, nativeFamily),
	} {
		for kind := range byte(3) {
			f.Add(kind, byte(0), []byte(page))
			f.Add(kind, byte(0xff), []byte(page))
		}
	}
	for _, path := range corpus(f) {
		if page, err := os.ReadFile(path); err == nil && len(page) < 20_000 {
			f.Add(byte(len(path)), byte(0), page)
		}
	}
	f.Fuzz(func(t *testing.T, kind, bits byte, page []byte) {
		c := New(newTarget(), optionsOf(bits))
		for i := range byte(3) {
			at := time.Unix(began+int64(i), 0)
			err := c.Read(page, []string{text, openText, protobuf}[(kind+i/2)%3], at)
			if err != nil {
				require.NotEmpty(t, err.Error())
			}
			wellFormed(t, c.Batch(Report{At: at, Up: err == nil}))
			c.Delivered(nil)
		}
		wellFormed(t, c.End(time.Unix(began+3, 0)))
	})
}

func optionsOf(bits byte) Options {
	o := newOptions()
	o.HonorLabels, o.HonorTimestamps, o.TrackTimestampsStaleness = bits&1 != 0, bits&2 == 0, bits&4 != 0
	o.ConvertToNHCB, o.KeepClassic, o.TrimSuffixes = bits&8 != 0, bits&16 != 0, bits&32 != 0
	if bits&64 != 0 {
		o.MaxSchema, o.BucketLimit = 2, 10
	}
	return o
}

// corpus are the files of third parties, where there are any; see SLUICE_TESTDATA in CONTRIBUTING.md.
func corpus(f *testing.F) (paths []string) {
	f.Helper()
	root := os.Getenv("SLUICE_TESTDATA")
	for _, pattern := range []string{"exposition/*", "exposition/*/*", "openmetrics/*/*"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(f, err)
		if root != "" {
			paths = append(paths, found...)
		}
	}
	return paths
}
