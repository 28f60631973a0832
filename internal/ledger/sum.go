package ledger

// processorSum adds up the lines of a processor's instances. There is one for each pipeline, and each configuration
// has its own.
type processorSum struct {
	ProcessorLine

	// generation is that of the instance that was added last.
	generation int
	// left is what earlier generations stored and what this one has not found so far.
	left int64
}

// followedBy joins instances. What an earlier generation left in its storage is what a later one finds; what nobody
// found, because its pipeline is gone or it could not be opened, is stored still. Instances of one generation have
// nothing of each other.
func (s processorSum) followedBy(next processorSum) processorSum {
	if next.generation != s.generation {
		s.left, s.generation = s.Stored.n, next.generation
	}
	found := min(s.left, next.Carried.n)
	s.left -= found
	s.ProcessorLine = s.plus(next.ProcessorLine)
	s.Carried, s.Stored = s.Carried.Minus(Known(found)), s.Stored.Minus(Known(found))
	return s
}

func (l ProcessorLine) plus(other ProcessorLine) ProcessorLine {
	return ProcessorLine{
		ID:      l.ID,
		Carried: l.Carried.Plus(other.Carried),
		Taken:   l.Taken.Plus(other.Taken),
		Removed: l.Removed.Plus(other.Removed),
		Stored:  l.Stored.Plus(other.Stored),
		Lost:    l.Lost.Plus(other.Lost),
		GaveUp:  l.GaveUp.Plus(other.GaveUp),
	}
}
