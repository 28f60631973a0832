package pushgroup

import "encoding/base64"

// appendSegments writes a label as two segments of a path. What a path would not carry as it is becomes base64: a slash is
// a slash even when it is escaped, and dots lead elsewhere. An empty value cannot come here.
func appendSegments(dst []byte, name, value string) []byte {
	dst = append(append(dst, '/'), pathName(name)...)
	if isPlain(value) {
		return append(append(dst, '/'), value...)
	}
	return base64.RawURLEncoding.AppendEncode(append(dst, "@base64/"...), []byte(value))
}

func isPlain(value string) bool {
	for i := range len(value) {
		switch c := value[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
