package schema

import (
	"bytes"
	"encoding/base64"
	"strconv"
)

// parseBase64 reads the standard alphabet with padding (RFC 4648, section 4), without line breaks (section 3.3).
// problem is "" on success.
func parseBase64(text []byte) (b []byte, problem string) {
	for i, c := range bytes.TrimRight(text, "=") {
		if letter := c | 0x20; !isDigit(c) && (letter < 'a' || letter > 'z') && c != '+' && c != '/' {
			return nil, "unexpected character at byte " + strconv.Itoa(i)
		}
	}
	if b, err := base64.StdEncoding.Strict().AppendDecode([]byte{}, text); err == nil {
		return b, ""
	}
	return nil, "incorrect padding"
}
