package pushgroup

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxIsolation bounds the requests it takes to find the families of a push that are refused. What is not found by then is
// left out of this push, and looked for in the next.
const maxIsolation = 100

// found is what isolate found out about the families of a push.
type found struct {
	taken, refused, unsettled []family
}

// isolate is called when a push is refused as inconsistent. It finds the families that are to blame and sends the others.
// It probes with POST, which replaces what it names and nothing else, so that no scrape misses what is good; the PUT of
// what is good comes last.
func (t *turn) isolate(send []family, why Answer) (found, Answer) {
	i := isolation{turn: t, why: why, budget: maxIsolation}
	if !i.isTheContent() || !i.sort(send) {
		return found{}, i.why
	}
	if t.opts.Method != http.MethodPut {
		return i.found, Answer{Verdict: Accepted, Status: http.StatusOK}
	}
	slices.SortFunc(i.taken, func(a, b family) int { return bytes.Compare(a.name, b.name) })
	return i.found, t.request(http.MethodPut, t.body.join(i.taken))
}

type isolation struct {
	*turn
	found
	// why is the answer that ended it, or that refused last.
	why    Answer
	budget int
}

// isTheContent pushes nothing at all: if that is refused too it is not for a family. So is each push to a gateway whose
// state has become inconsistent by others.
func (i *isolation) isTheContent() bool {
	a := i.request(http.MethodPost, nil)
	if a.Verdict != Accepted {
		i.why = a
	}
	return a.Verdict == Accepted
}

// sort tries the families that are under suspicion one by one, and the others together.
func (i *isolation) sort(all []family) bool {
	var suspects, others []family
	for _, f := range all {
		if i.isSuspect(f.name, i.why.Message) {
			suspects = append(suspects, f)
		} else {
			others = append(others, f)
		}
	}
	for n := range suspects {
		if !i.try(suspects[n : n+1]) {
			return false
		}
	}
	return i.try(others)
}

// try sends families, and if they are refused their halves. It returns false when the gateway fails otherwise.
func (i *isolation) try(fs []family) bool {
	if len(fs) == 0 {
		return true
	}
	if i.budget == 0 {
		i.unsettled = append(i.unsettled, fs...)
		return true
	}
	i.budget--
	a := i.request(http.MethodPost, i.body.join(fs))
	switch {
	case a.Verdict == Accepted:
		i.taken = append(i.taken, fs...)
		return true
	case a.Verdict != Inconsistent:
		i.why = a
		return false
	case len(fs) == 1:
		i.refuse(fs[0], a)
		return true
	}
	half := len(fs) / 2
	return i.try(fs[:half]) && i.try(fs[half:])
}

func (i *isolation) refuse(f family, why Answer) {
	i.refused = append(i.refused, f)
	i.suspects.add(f.name)
	rest := i.group.refused.add(f.name, i.opts.Interval, time.Now())
	i.listener.Refused(i.group.path, string(f.name), why.Fault(), rest)
}

// isSuspect tells whether a family is likely to blame: the message names it, or it was refused before.
func (i *isolation) isSuspect(name []byte, message string) bool {
	return i.group.refused.has(name) || i.suspects.has(name) || names(message, name)
}

// names reports whether a message has a name in quotes, as those of the gateway do.
func names(message string, name []byte) bool {
	return strings.Contains(message, `"`+string(name)+`"`)
}
