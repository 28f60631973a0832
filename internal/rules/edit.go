package rules

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/sluice-metrics/sluice/internal/series"
)

// edit is what one statement does to a point's attributes. It finds them by key, so that it does the same to a point
// that has more of them than the one it was learnt from.
type edit struct {
	// swap, if swaps is set, is removed and the last attribute takes its place, as pcommon.Map.Remove has it; remove leaves
	// the order.
	swaps  bool
	swap   string
	remove []string
	// replace holds new values of attributes that stay where they are, add those that follow the others.
	replace, add settings
	// whole, if not nil, is all the attributes there are afterwards.
	whole *pcommon.Map
}

// newEdit finds out what turned before into after, in which no key may occur twice. swaps says that the statement removes
// as swap does, if it removes.
func newEdit(before, after pcommon.Map, swaps bool) edit {
	var e edit
	if swaps && after.Len() < before.Len() {
		e.swaps, e.swap = true, missingKey(before, after)
		return e
	}
	left := all(after)
	for key, value := range before.All() {
		if len(left) == 0 || left[0].key != key {
			e.remove = append(e.remove, strings.Clone(key))
			continue
		}
		if !identical(left[0].value, value) {
			e.replace.add(left[:1])
		}
		left = left[1:]
	}
	e.add.add(left)
	return e
}

// changes reports whether apply would change the attributes, all of which are as the statements before left them: what it
// replaces may be the same already.
func (e *edit) changes(attrs pcommon.Map) bool {
	if e.whole != nil || e.swaps || len(e.remove)+len(e.add) > 0 {
		return true
	}
	return slices.ContainsFunc(e.replace, func(s setting) bool {
		value, ok := attrs.Get(s.key)
		return ok && !s.is(value)
	})
}

// grows returns how many attributes more there are afterwards.
func (e *edit) grows() int {
	if e.swaps {
		return -1
	}
	return len(e.add) - len(e.remove)
}

// identical is stricter than pcommon.Value.Equal: to that the order within a map does not count.
func identical(a, b pcommon.Value) bool {
	return bytes.Equal(series.AppendExactValue(nil, a), series.AppendExactValue(nil, b))
}

// missingKey returns the key that is in before only.
func missingKey(before, after pcommon.Map) string {
	for key := range before.All() {
		if _, stays := after.Get(key); !stays {
			return strings.Clone(key)
		}
	}
	return ""
}

func (e *edit) empty() bool {
	return !e.swaps && len(e.remove) == 0 && len(e.replace) == 0 && len(e.add) == 0
}

func (e *edit) apply(attrs pcommon.Map) {
	if e.whole != nil {
		e.whole.CopyTo(attrs)
		return
	}
	if e.swaps {
		attrs.Remove(e.swap)
		return
	}
	if len(e.remove) > 0 {
		e.removeFrom(attrs)
	}
	for i := range e.replace {
		if to, ok := attrs.Get(e.replace[i].key); ok {
			e.replace[i].copyTo(to)
		}
	}
	for i := range e.add {
		e.add[i].copyTo(attrs.PutEmpty(e.add[i].key))
	}
}

// removeFrom leaves the order of what stays.
func (e *edit) removeFrom(attrs pcommon.Map) {
	attrs.RemoveIf(func(key string, _ pcommon.Value) bool { return slices.Contains(e.remove, key) })
}

// signature is equal for edits that do the same.
func (e *edit) signature(b []byte) []byte {
	if e.swaps {
		return series.AppendText(append(b, 1), e.swap)
	}
	b = append(b, 0)
	b = append(b, byte(len(e.remove)), byte(len(e.remove)>>8))
	for _, key := range e.remove {
		b = series.AppendText(b, key)
	}
	return e.add.signature(e.replace.signature(b))
}

type attribute struct {
	key   string
	value pcommon.Value
}

func all(m pcommon.Map) []attribute {
	list := make([]attribute, 0, m.Len())
	for key, value := range m.All() {
		list = append(list, attribute{key, value})
	}
	return list
}

// repeats reports whether a key occurs twice, which OTLP forbids and senders do.
func repeats(m pcommon.Map) bool {
	seen := make(map[string]bool, m.Len())
	for key := range m.All() {
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}

// settings are attributes to be set.
type settings []setting

// setting is an attribute to be set. Most values are texts, and copied faster as such.
type setting struct {
	key    string
	isText bool
	text   string
	value  pcommon.Value
}

// add copies attributes.
func (s *settings) add(list []attribute) {
	for _, a := range list {
		one := setting{key: strings.Clone(a.key), isText: a.value.Type() == pcommon.ValueTypeStr, value: pcommon.NewValueEmpty()}
		if one.isText {
			one.text = strings.Clone(a.value.Str())
			one.value.SetStr(one.text)
		} else {
			a.value.CopyTo(one.value)
		}
		*s = append(*s, one)
	}
}

func (s *setting) copyTo(to pcommon.Value) {
	switch {
	case !s.isText:
		s.value.CopyTo(to)
	case !s.is(to): // setting a text allocates
		to.SetStr(s.text)
	}
}

// is reports whether an attribute has been set.
func (s *setting) is(value pcommon.Value) bool {
	if s.isText {
		return value.Type() == pcommon.ValueTypeStr && value.Str() == s.text
	}
	return identical(s.value, value)
}

func (s settings) signature(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	for i := range s {
		b = series.AppendExactValue(series.AppendText(b, s[i].key), s[i].value)
	}
	return b
}
