package exposition

import "strings"

// ConflictKind is what two metrics disagree about.
type ConflictKind int

// The kinds of conflicts.
const (
	// ConflictType and ConflictName refuse the points of the second metric.
	ConflictType ConflictKind = iota
	ConflictName
	// ConflictHelp and ConflictUnit leave the first HELP and UNIT, and all points.
	ConflictHelp
	ConflictUnit
	conflictKinds
)

func (k ConflictKind) String() string {
	return [conflictKinds]string{"type", "name", "help", "unit"}[k]
}

// Conflict describes the first conflict of a kind with a family, for a log line.
type Conflict struct {
	// Family is the name of the second metric's family, Owner that of the first one's.
	Family, Owner string
	Kind          ConflictKind
}

// conflict reports that a family was in the way of a metric.
func (b *batch) conflict(owner *family, d *descriptor, reason Reason) {
	kind := ConflictType
	if reason == ReasonNameConflict {
		kind = ConflictName
	}
	if owner == nil {
		b.conflictWithSibling(d, kind)
		return
	}
	owner.mu.Lock()
	defer owner.mu.Unlock()
	b.report(owner, d.name, kind)
}

func (b *batch) conflictWithSibling(d *descriptor, kind ConflictKind) {
	b.out.conflict(kind)
	if owner, first := b.siblings.inTheWay(d, kind); first {
		b.out.Conflicts = append(b.out.Conflicts, Conflict{Family: d.name, Owner: owner, Kind: kind})
	}
}

// report counts a conflict, and asks for a log line if it is the first of its kind; the caller holds the owner's lock.
func (b *batch) report(owner *family, name string, kind ConflictKind) {
	b.out.conflict(kind)
	if owner.mu.warned[kind] {
		return
	}
	owner.mu.warned[kind] = true
	b.out.Conflicts = append(b.out.Conflicts, Conflict{Family: name, Owner: owner.name, Kind: kind})
}

// describeFamily completes what earlier metrics left open; the first HELP and UNIT seen stay.
func (b *batch) describeFamily(f *family, d *descriptor, description string) {
	if description != "" && description != f.mu.help {
		b.describeHelp(f, cleanText(description))
	}
	if d.unit == "" || d.unit == f.mu.unit {
		return
	}
	if f.mu.unit == "" {
		f.mu.unit = b.siblings.agreeOnUnit(f.name, d.unit)
	}
	if f.mu.unit == d.unit {
		return
	}
	b.report(f, d.name, ConflictUnit)
}

func (b *batch) describeHelp(f *family, help string) {
	if f.mu.help == "" {
		f.mu.help = strings.Clone(b.siblings.agreeOnHelp(f.name, help))
		f.mu.stateBytes += len(f.mu.help)
	}
	if f.mu.help != help {
		b.report(f, f.name, ConflictHelp)
	}
}
