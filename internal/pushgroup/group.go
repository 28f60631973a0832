package pushgroup

import (
	"time"

	"github.com/sluice-metrics/sluice/internal/exposition"
)

// group is what one engine knows of one group.
type group struct {
	path  string
	store *exposition.Store
	marks

	// What follows belongs to whoever is busy with the group.
	refused refusals
}

// marks are guarded by the lock of the engine.
type marks struct {
	// changed: the gateway does not have the latest state. busy: a turn is under way. ending: the group is to be deleted.
	// owned: it had series, so what the gateway has of it is this engine's, or of one before. gone: it was deleted since
	// points came. abandoned: there is no time to try it again.
	changed, busy, ending, owned, gone, abandoned bool
	// adding counts the batches being added.
	adding int
	// updated is when points came last, started when its last turn began.
	updated, started time.Time
	// due is when its next turn is, notBefore when it may be at the earliest.
	due, notBefore time.Time
	// failures are those in a row since failing. held says that the last turn failed for now, so that the next one waits.
	failures int
	held     bool
	failing  time.Time
	// index is the group's place in the schedule.
	index int
}

// idle reports whether nothing is left to know of the group.
func (g *group) idle() bool {
	return !g.busy && g.adding == 0 && !g.changed && !g.owned && (g.gone || g.store.Len() == 0)
}

// wants reports whether the group is to have a turn.
func (g *group) wants() bool { return (g.changed || g.ending) && !g.abandoned }
