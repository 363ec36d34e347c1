package natslayer

import (
	"fmt"
	"strings"
)

// maxSubject is the length of the longest subject that the contract knows, in bytes.
const maxSubject = 255

const hexDigits = "0123456789ABCDEF"

// plain reports whether a byte stays as it is. What NATS gives a meaning ('.', '*', '>') or refuses (space, control
// characters) does not, nor does '=', which introduces the others.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '/'
}

// natsSubject is where a subject's publications travel: the prefix and one token, in which each byte that is not plain is
// written as '=' and two hexadecimal digits. So subjects that differ in one byte differ there too, and the longest has
// 765 bytes after the prefix, where NATS by default allows a line of 4096.
func natsSubject(prefix, subject string) (string, error) {
	if subject == "" || len(subject) > maxSubject {
		return "", fmt.Errorf("the subject has %d bytes, a layer's subject has 1 to %d", len(subject), maxSubject)
	}
	var b strings.Builder
	b.Grow(len(prefix) + 1 + len(subject) + 8)
	b.WriteString(prefix)
	b.WriteByte('.')
	for i := range len(subject) {
		if c := subject[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('=')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String(), nil
}
