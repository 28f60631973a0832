package buffer

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzOpen reads what may be on disk: it is an envelope, which comes out as it went in, or an error.
func FuzzOpen(f *testing.F) {
	for _, m := range []metadata{nil, {{"tenant", []string{"red"}}}, {{"a", []string{"", "b"}}, {"", nil}}} {
		data, err := encode(&item{metadata: m, md: points("a", 1, 2)})
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := open(data)
		if err != nil {
			return
		}
		again, err := open(append(o.metadata.head(), o.body...))
		require.NoError(t, err)
		assert.True(t, o.metadata.equal(again.metadata))
		assert.Equal(t, o.body, again.body)
		_, _ = o.decode()
	})
}
