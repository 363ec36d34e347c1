package socket

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// Close codes that servers send (RFC 6455, section 7.4.1), and the two that are never on the wire.
const (
	CloseNormal      = 1000
	CloseGoingAway   = 1001
	CloseProtocol    = 1002
	CloseNoStatus    = 1005
	CloseAbnormal    = 1006
	CloseInvalidUTF8 = 1007
	ClosePolicy      = 1008
	CloseTooBig      = 1009
	CloseInternal    = 1011
	CloseTryLater    = 1013
)

// Sendable reports whether a Close frame may carry code: codes of the RFC and its registry (to 1014), of libraries
// (3000 to 3999) and of applications (4000 to 4999).
func Sendable(code int) bool {
	switch {
	case code < 1000 || code > 4999, code == 1004, code == CloseNoStatus, code == CloseAbnormal:
		return false
	case code <= 1014:
		return true
	}
	return code >= 3000
}

// parseClose parses the payload of a Close frame (RFC 6455, section 5.5.1). bad is the code to fail the connection
// with, or 0.
func parseClose(p []byte) (code int, reason string, bad int) {
	switch {
	case len(p) == 0:
		return CloseNoStatus, "", 0
	case len(p) == 1 || !Sendable(int(binary.BigEndian.Uint16(p))):
		return 0, "", CloseProtocol
	case !utf8.Valid(p[2:]):
		return 0, "", CloseInvalidUTF8
	}
	return int(binary.BigEndian.Uint16(p)), string(p[2:]), 0
}

// appendClose appends the payload of a Close frame. It cuts the reason at a rune boundary to the size of a control
// frame.
func appendClose(b []byte, code int, reason string) []byte {
	if code == CloseNoStatus {
		return b
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(code)), cutReason(reason)...)
}

func cutReason(s string) string {
	const most = maxControl - 2
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
