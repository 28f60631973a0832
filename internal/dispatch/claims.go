package dispatch

import (
	"sync/atomic"

	"github.com/sluice-metrics/sluice/priority"
)

// claims counts by priority the lanes whose events hold back those of lower ones: four counts in a word, so that whoever
// is about to deliver looks once.
type claims struct{ word atomic.Uint64 }

const claimBits = 16

// rank is 0 for the lowest priority.
func rank(p priority.Priority) int { return int(p - priority.Low) }

func (c *claims) add(rank int)    { c.word.Add(1 << (claimBits * rank)) }
func (c *claims) remove(rank int) { c.word.Add(^uint64(1<<(claimBits*rank)) + 1) }

// above reports whether a higher rank holds back this one.
func (c *claims) above(rank int) bool { return c.word.Load()>>(claimBits*(rank+1)) != 0 }
