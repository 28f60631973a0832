package exposition

// sampleName is the beginning of a line. A name that is not a legacy name stands, quoted, inside the braces.
type sampleName struct {
	begin  []byte
	quoted bool
}

// set makes it the name of a sample, in the memory it has.
func (n *sampleName) set(family, suffix string, legacy bool) {
	n.quoted = !legacy
	n.begin = n.begin[:0]
	if legacy {
		n.begin = append(append(n.begin, family...), suffix...)
		return
	}
	n.begin = append(n.begin, `{"`...)
	n.begin = appendEscaped(n.begin, family, escapesInQuotes)
	n.begin = append(append(n.begin, suffix...), '"')
}

// endLabels writes what stands between the labels and the value. The labels begin at mark, right behind the name; where
// no name stands inside the braces, the comma before the first of them becomes the opening one.
func (n *sampleName) endLabels(dst []byte, mark int) []byte {
	switch {
	case n.quoted:
		dst = append(dst, '}')
	case len(dst) > mark:
		dst[mark] = '{'
		dst = append(dst, '}')
	}
	return append(dst, ' ')
}

// appendTo writes name and labels up to where the value begins.
func (n *sampleName) appendTo(dst, labels, more []byte) []byte {
	dst = append(dst, n.begin...)
	mark := len(dst)
	dst = append(append(dst, labels...), more...)
	return n.endLabels(dst, mark)
}
