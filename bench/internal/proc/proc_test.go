package proc

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseStat(t *testing.T) {
	text, err := os.ReadFile("testdata/stat")
	require.NoError(t, err)
	cpu, err := parseStat(string(text))
	require.NoError(t, err)
	assert.Equal(t, 123450*time.Millisecond+6780*time.Millisecond, cpu)

	for _, bad := range []string{"", "1 (x", "1 (x) S 1 2", "1 (x) S 0 0 0 0 0 0 0 0 0 0 u 2 3", "1 (x) S 0 0 0 0 0 0 0 0 0 0 1 s 3"} {
		_, err := parseStat(bad)
		assert.Error(t, err, bad)
	}
}

func TestParseStatus(t *testing.T) {
	text, err := os.ReadFile("testdata/status")
	require.NoError(t, err)
	rss, peak, err := parseStatus(text)
	require.NoError(t, err)
	assert.EqualValues(t, 78312<<10, rss)
	assert.EqualValues(t, 91204<<10, peak)

	_, _, err = parseStatus([]byte("VmRSS:\tmany kB\n"))
	assert.ErrorContains(t, err, "VmRSS")
}

func TestOwnUsageGrows(t *testing.T) {
	before, err := readUsage(os.Getpid())
	require.NoError(t, err)
	assert.Positive(t, before.RSS)
	assert.GreaterOrEqual(t, before.Peak, before.RSS)
	for u := before; u.CPU == before.CPU; {
		u, err = readUsage(os.Getpid())
		require.NoError(t, err)
	}
}

func TestCPUClock_AgreesWithStat(t *testing.T) {
	fine, err := cpuClock(os.Getpid())
	if err != nil {
		t.Skip("not on this system: ", err)
	}
	text, err := os.ReadFile("/proc/self/stat")
	require.NoError(t, err)
	coarse, err := parseStat(string(text))
	require.NoError(t, err)
	assert.InDelta(t, coarse.Seconds(), fine.Seconds(), 0.1)
}

func TestMemoryOfTheMachine(t *testing.T) {
	assert.Positive(t, FreeMemory())
	assert.Greater(t, TotalMemory(), FreeMemory())
}

func TestFreeAddresses_AreDifferent(t *testing.T) {
	a, err := FreeAddresses(20)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, x := range a {
		seen[x] = true
	}
	assert.Len(t, seen, 20)
}

func start(t *testing.T, program string, args ...string) *Process {
	t.Helper()
	p, err := Start(t.Context(), filepath.Join(t.TempDir(), "log"), program, args...)
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return p
}

func TestStop_OfAProcessThatObeys(t *testing.T) {
	p := start(t, "sleep", "60")
	s := p.Watch(time.Millisecond)
	require.Eventually(t, func() bool { u, err := p.Usage(); return err == nil && u.RSS > 0 }, 5*time.Second, time.Millisecond)
	p.Stop(10 * time.Second)
	assert.True(t, p.Ended(0))
	s.Stop()
	p.Stop(time.Second)
	p.Kill()
}

func TestStop_OfAProcessThatDoesNot(t *testing.T) {
	p := start(t, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
	require.Eventually(t, func() bool { l, err := p.Log(); return err == nil && l != "" }, 5*time.Second, time.Millisecond)
	p.Stop(50 * time.Millisecond)
	assert.True(t, p.Ended(0))
}

func TestListening_TellsWhyNot(t *testing.T) {
	free, err := FreeAddresses(1)
	require.NoError(t, err)
	_, err = start(t, "sh", "-c", "echo because; exit 3").Listening(t.Context(), free[0], 10*time.Second)
	require.ErrorIs(t, err, ErrNotReady)
	require.ErrorContains(t, err, "because")

	_, err = start(t, "sleep", "60").Listening(t.Context(), free[0], 20*time.Millisecond)
	require.ErrorIs(t, err, ErrNotReady)
}
