package natslayer

import (
	"fmt"
	"strings"
)

// maxSubject is the longest subject that the contract allows, in bytes.
const maxSubject = 255

const hexDigits = "0123456789ABCDEF"

// plain reports whether a byte needs no escape. Bytes that NATS gives a meaning ('.', '*', '>') or refuses (space, control
// characters) need one, and so does '=', the escape character.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '/'
}

// natsSubject returns the NATS subject of a subject: the prefix and one token, in which each byte that is not plain is
// written as '=' and two hexadecimal digits. Subjects that differ in one byte therefore differ in NATS too. The longest
// token has 765 bytes; NATS by default allows a line of 4096.
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
