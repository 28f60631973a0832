package series

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"pgregory.net/rapid"
)

// TestFindNextFindsOnlyWhatFindFinds compares the two on tables of few attributes, so that most of them meet.
func TestFindNextFindsOnlyWhatFindFinds(t *testing.T) {
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable[int]()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			scope, attrs := rapid.Uint32Range(1, 2).Draw(t, "scope"), drawAttributes(t)
			before := table.cursor
			next, found := table.FindNext(scope, attrs)
			if found {
				hits++
			} else {
				table.cursor = before
			}
			key := table.Key(scope, attrs)
			slot, known := table.Find(key)
			if !known {
				require.False(t, found)
				table.Insert(key)
				table.cursor = rapid.Uint32Range(0, table.end).Draw(t, "cursor")
				continue
			}
			if found {
				require.Equal(t, slot, next)
			}
		}
	})
	require.Positive(t, hits)
}

func TestFindNextFollowsTheOrder(t *testing.T) {
	table := NewTable[int]()
	if _, found := table.FindNext(1, pcommon.NewMap()); found {
		t.Fatal("found in an empty table")
	}
	list := make([]pcommon.Map, 300)
	for i := range list {
		list[i] = pcommon.NewMap()
		list[i].PutStr("a", strconv.Itoa(i))
		list[i].PutInt("b", int64(i))
		list[i].PutDouble("c", float64(i))
		table.Insert(table.Key(7, list[i]))
	}
	for range 2 {
		for i := range list {
			slot, found := table.FindNext(7, list[i])
			require.True(t, found)
			require.Equal(t, uint32(i), slot)
		}
	}
}
