package exposition

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"
)

// Siblings are stores whose pages meet on one page, as those of the groups of a Pushgateway do. They agree on the type,
// HELP and UNIT of each family, on whose samples have which names, on whether histograms are native or classic, and have
// one bound on memory. What a store does without others holds for them too. All methods may be called concurrently.
//
// Their lock is taken after any of a store's.
type Siblings struct {
	opts   Options
	names  *translator
	memory atomic.Int64

	mu struct {
		sync.Mutex
		families map[string]*agreement
		samples  nameTable
		// unwarned are the reserved names; true until a conflict with one was reported.
		unwarned map[string]bool
	}
}

// agreement is what stores have agreed on about one family.
type agreement struct {
	typ        dto.MetricType
	help, unit string
	// stores have the family, and of those so many a classic histogram in it.
	stores, classic int
	warned          [conflictKinds]bool
}

// NewSiblings returns what the stores of opts have in common. The labels are those that a group gives to all its series
// on the page, whatever they have: a series' own ones of those names become exported_NAME. No family gets a name that is
// reserved.
func NewSiblings(opts Options, labels, reserved []string) *Siblings {
	s := &Siblings{opts: opts, names: newTranslator(opts.Strategy, opts.Namespace)}
	s.names.given = labels
	s.mu.families = make(map[string]*agreement)
	s.mu.samples = make(nameTable)
	s.mu.unwarned = make(map[string]bool)
	for _, name := range reserved {
		s.mu.unwarned[name] = true
		s.mu.samples.claim(name, dto.MetricType_UNTYPED)
	}
	return s
}

// NewStore returns the store of a group; given are the values of the labels it gives to its series. A job and an instance
// of the specification that are equal to those are left out.
func (s *Siblings) NewStore(given map[string]string) *Store {
	st := newStore(s.opts, s.names)
	st.siblings, st.given = s, given
	st.memory.all, st.contexts.bytes.all = &s.memory, &s.memory
	return st
}

// Memory returns about how many bytes all stores take.
func (s *Siblings) Memory() int64 { return s.memory.Load() }

// Close gives back what the store has of its siblings. It must not be used any more.
func (s *Store) Close() {
	for _, f := range s.currentCatalog().families {
		f.mu.Lock()
		if !f.dead.Load() {
			s.siblings.release(f)
		}
		f.mu.Unlock()
	}
	s.memory.add(-s.memory.load())
	s.contexts.bytes.add(-s.contexts.bytes.load())
}

// claim lets one more store have a family, or tells why not. nil siblings agree to everything.
func (s *Siblings) claim(name string, typ dto.MetricType) (refused Reason) {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.mu.families[name]; a != nil {
		if a.typ != typ {
			return ReasonTypeConflict
		}
		a.stores++
		return ""
	}
	if _, taken := s.mu.samples.owner(name, typ); taken {
		return ReasonNameConflict
	}
	s.mu.families[name] = &agreement{typ: typ, stores: 1}
	s.mu.samples.claim(name, typ)
	return ""
}

// release takes a family of one store back; the caller holds its lock.
func (s *Siblings) release(f *family) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.mu.families[f.name]
	if f.mu.classic {
		f.mu.classic = false
		a.classic--
	}
	if a.stores--; a.stores == 0 {
		delete(s.mu.families, f.name)
		s.mu.samples.release(f.name, f.typ)
	}
}

// inTheWay returns the family in the way of a metric, and whether this is the first conflict of its kind with it. A name
// that is reserved is its own owner.
func (s *Siblings) inTheWay(d *descriptor, kind ConflictKind) (owner string, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, _ = s.mu.samples.owner(d.name, d.kind.typ)
	a := s.mu.families[owner]
	if a == nil {
		first = s.mu.unwarned[owner]
		s.mu.unwarned[owner] = false
		return owner, first
	}
	first = !a.warned[kind]
	a.warned[kind] = true
	return owner, first
}

// agreeOnHelp returns the HELP that all stores show: the first one that is not empty.
func (s *Siblings) agreeOnHelp(name, help string) string {
	if s == nil {
		return help
	}
	return s.agree(name, help, func(a *agreement) *string { return &a.help })
}

func (s *Siblings) agreeOnUnit(name, unit string) string {
	if s == nil {
		return unit
	}
	return s.agree(name, unit, func(a *agreement) *string { return &a.unit })
}

func (s *Siblings) agree(name, text string, of func(*agreement) *string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.mu.families[name]
	if a == nil {
		return text
	}
	first := of(a)
	if *first == "" {
		*first = strings.Clone(text)
	}
	return *first
}

// allNative tells the siblings whether a family of histograms has classic ones, and reports whether none has. The caller
// holds the family's lock.
func (s *Siblings) allNative(f *family) bool {
	classic := f.mu.natives < f.mu.series.Len()
	if s == nil || f.typ != dto.MetricType_HISTOGRAM {
		return !classic
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.mu.families[f.name]
	switch {
	case a == nil:
		return !classic
	case classic && !f.mu.classic:
		a.classic++
	case !classic && f.mu.classic:
		a.classic--
	}
	f.mu.classic = classic
	return a.classic == 0
}

// gives reports whether a group gives a label to its series.
func (t *translator) gives(name string) bool { return slices.Contains(t.given, name) }

// ownName renames a label that the group of the series gives.
func (t *translator) ownName(name string) string {
	for t.gives(name) {
		name = "exported_" + name
	}
	return name
}

// appendIdentity adds the job or the instance of a resource.
func (s *Store) appendIdentity(dst []label, name, value string) []label {
	if given, ok := s.given[name]; ok && given == value {
		return dst
	}
	return appendIfSet(dst, s.names.ownName(name), value)
}
