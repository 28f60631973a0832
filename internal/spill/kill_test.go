package spill

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sluice-metrics/sluice/internal/childtest"
)

const killLanes = 4

func init() {
	childtest.Register("kill", func() { killChild(false) })
	childtest.Register("kill fsync", func() { killChild(true) })
}

func killOptions(dir string, fsync bool) Options {
	return Options{Directory: dir, Fsync: fsync, SegmentBytes: 64 << 10}
}

// killData is what any process knows a record to hold; half of it compresses.
func killData(lane, seq uint64) []byte {
	n := int(seq*7919%4000) + 1
	return append(noise(n, lane<<32|seq), make([]byte, n)...)
}

// killChild appends and acknowledges until it is killed. Its lines are A lane seq for what is persisted, D for what is about to
// be done, K for what is done.
func killChild(fsync bool) {
	l, err := Open(killOptions(workingDirectory(), fsync))
	if err != nil {
		fmt.Println("E", err)
		os.Exit(1)
	}
	first := uint64(time.Now().UnixNano()) // beyond those of earlier children
	var wg sync.WaitGroup
	for lane := range uint64(killLanes) {
		wg.Go(func() { killAppend(l, lane, first) })
		wg.Go(func() { killConsume(l, lane) })
	}
	wg.Wait()
}

func killAppend(l *Log, lane, seq uint64) {
	ctx := context.Background()
	for ; ; seq++ {
		receipt, err := l.Append(ctx, Record{Lane: lane, Seq: seq, Points: seq, Data: killData(lane, seq)})
		if err == nil {
			err = receipt.Wait(ctx)
		}
		if err != nil {
			fmt.Println("E", err)
			return
		}
		fmt.Println("A", lane, seq)
	}
}

// killConsume leaves about half of what is appended.
func killConsume(l *Log, lane uint64) {
	for {
		r, err := l.Read(context.Background(), lane, 0, nil)
		if err != nil || rand.IntN(3) == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		fmt.Println("D", lane, r.Seq)
		if err := l.Done(context.Background(), lane, r.Seq); err != nil {
			fmt.Println("E", err)
			return
		}
		fmt.Println("K", lane, r.Seq)
	}
}

// killed is what a child has said.
type killed struct{ acknowledged, ending, done map[key]bool }

func (k *killed) read(t *testing.T, line string) {
	t.Helper()
	f := strings.Fields(line)
	require.Len(t, f, 3, line)
	lane, _ := strconv.ParseUint(f[1], 10, 64)
	seq, err := strconv.ParseUint(f[2], 10, 64)
	require.NoError(t, err, line)
	m, ok := map[string]map[key]bool{"A": k.acknowledged, "D": k.ending, "K": k.done}[f[0]]
	require.True(t, ok, line)
	m[key{lane, seq}] = true
}

// run kills a child after some time, and reads all it said.
func (k *killed) run(t *testing.T, dir string, fsync bool, after time.Duration) {
	t.Helper()
	name := "kill"
	if fsync {
		name = "kill fsync"
	}
	cmd := childtest.Command(t.Context(), name)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	if lines.Scan() { // it runs
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		for more := true; more; more = lines.Scan() {
			k.read(t, lines.Text())
		}
	}
	require.Error(t, cmd.Wait())
	require.Empty(t, stderr.String())
}

// check opens what the child left: all that was acknowledged and not done is there, in order, once, and as it was.
func (k *killed) check(t *testing.T, dir string, fsync bool) {
	t.Helper()
	l, err := Open(killOptions(dir, fsync))
	require.NoError(t, err)
	there := map[key]bool{}
	for lane := range uint64(killLanes) {
		all := pending(t, l, lane)
		require.True(t, slices.IsSorted(seqs(all)))
		for _, r := range all {
			require.Equal(t, killData(lane, r.Seq), r.Data)
			require.Equal(t, r.Seq, r.Points)
			there[key{lane, r.Seq}] = true
		}
	}
	for r := range k.acknowledged {
		assert.True(t, there[r] || k.ending[r], "%v was acknowledged and is lost", r)
	}
	for r := range k.done {
		assert.False(t, there[r], "%v is done and comes again", r)
	}
	k.drain(t, l)
	s := l.Stats()
	assert.Zero(t, s.Damaged)
	assert.Zero(t, s.Unreadable)
	checkBooks(t, l)
	require.NoError(t, l.Close(t.Context()))
}

// drain leaves 50 records of each lane, so that many children do not fill the disk.
func (k *killed) drain(t *testing.T, l *Log) {
	t.Helper()
	for _, q := range l.Lanes() {
		for range int(q.Records) - 50 {
			r, err := l.Read(t.Context(), q.Lane, 0, nil)
			require.NoError(t, err)
			require.NoError(t, l.Done(t.Context(), q.Lane, r.Seq))
			k.ending[key{q.Lane, r.Seq}] = true
			k.done[key{q.Lane, r.Seq}] = true
		}
	}
}

// TestKill kills a process at random moments: 4 times for each kind of log, 200 times where PROOF_CHECKS is 20,000.
func TestKill(t *testing.T) {
	checks, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	require.NoError(t, err)
	for _, fsync := range []bool{true, false} {
		t.Run(fmt.Sprintf("fsync %t", fsync), func(t *testing.T) {
			dir := t.TempDir()
			k := &killed{map[key]bool{}, map[key]bool{}, map[key]bool{}}
			for range max(4, checks/100) {
				k.run(t, dir, fsync, time.Duration(rand.IntN(150))*time.Millisecond)
				k.check(t, dir, fsync)
			}
			t.Logf("%d acknowledged, %d done", len(k.acknowledged), len(k.done))
			assert.NotEmpty(t, k.acknowledged)
		})
	}
}
