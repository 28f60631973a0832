package series

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestSlabHoldsWhatItWasGiven sets and deletes texts of lengths that make blocks compact themselves.
func TestSlabHoldsWhatItWasGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var slab Slab
		var want [][]byte
		length := rapid.SampledFrom([]int{8, 200}).Draw(t, "length")
		text := func(i int) []byte {
			return bytes.Repeat([]byte{byte(i)}, rapid.IntRange(1, length).Draw(t, "text"))
		}
		for i := range rapid.IntRange(1, blockSize+40).Draw(t, "slots") {
			want = append(want, text(i))
			slab.Set(uint32(i), want[i])
		}
		for i := range rapid.IntRange(0, 300).Draw(t, "changes") {
			slot := rapid.IntRange(0, len(want)-1).Draw(t, "slot")
			if want[slot] = nil; rapid.Bool().Draw(t, "set") {
				want[slot] = text(i)
				slab.Set(uint32(slot), want[slot])
			} else {
				slab.Delete(uint32(slot))
			}
		}
		requireSlab(t, &slab, want)
	})
}

func requireSlab(t *rapid.T, slab *Slab, want [][]byte) {
	t.Helper()
	bytes := 0
	for slot, text := range want {
		require.Equal(t, string(text), string(slab.Get(uint32(slot))))
	}
	for i := range slab.blocks {
		b := &slab.blocks[i]
		bytes += b.size()
		living := 0
		for _, r := range b.refs {
			living += int(r.length)
		}
		require.Equal(t, len(b.data)-b.dead, living)
		require.LessOrEqual(t, b.dead, max(minDead, len(b.data)/2), "what is dead is at most half")
	}
	require.Equal(t, bytes, slab.Bytes())
}

func TestSlabGivesBackWhatABlockHasGrownTooMuch(t *testing.T) {
	var slab Slab
	for slot := range uint32(blockSize) {
		slab.Set(slot, make([]byte, 100))
	}
	b := &slab.blocks[0]
	require.Len(t, b.data, cap(b.data))
	for slot := range uint32(blockSize) {
		slab.Delete(slot)
	}
	require.LessOrEqual(t, cap(b.data), 4*minDead)
}
