package priority

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOrder(t *testing.T) {
	shuffled := []Priority{Normal, Low, Critical, High}
	slices.SortFunc(shuffled, func(a, b Priority) int {
		if a.Before(b) {
			return -1
		}
		return 1
	})
	assert.Equal(t, All(), shuffled)
	assert.False(t, High.Before(High))
}

func TestTextRoundTrip(t *testing.T) {
	for _, p := range All() {
		text, err := p.MarshalText()
		require.NoError(t, err)
		var read Priority
		require.NoError(t, read.UnmarshalText(text))
		assert.Equal(t, p, read)
	}
}

func TestUnmarshalText(t *testing.T) {
	p := High
	require.NoError(t, p.UnmarshalText(nil))
	assert.Equal(t, Normal, p)
	require.NoError(t, p.UnmarshalText([]byte("CRITICAL")))
	assert.Equal(t, Critical, p)
	require.EqualError(t, p.UnmarshalText([]byte("urgent")), `priority: "urgent" is none of critical, high, normal, low`)
	assert.Equal(t, Critical, p, "an error changes nothing")
}

func TestWhatIsNoPriority(t *testing.T) {
	_, err := Priority(7).MarshalText()
	require.EqualError(t, err, "priority: 7 is none")
	assert.Equal(t, "Priority(7)", Priority(7).String())
	assert.False(t, Priority(-2).Valid())
}
