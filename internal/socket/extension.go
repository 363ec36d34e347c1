package socket

import (
	"net/http"
	"strings"
)

// The server's answer if it accepts permessage-deflate. Neither side keeps a window between messages, so a frame is
// compressed once for all its receivers and an idle connection holds no state (RFC 7692, section 7.1.1).
const (
	deflateName   = "permessage-deflate"
	deflateAnswer = deflateName + "; server_no_context_takeover; client_no_context_takeover"
	windowAnswer  = "; server_max_window_bits=15" // added if the client asked for a window (section 7.1.2.1)
)

// Parameters of an offer, as bits of a set.
const (
	serverNoTakeover = 1 << iota
	clientNoTakeover
	serverWindow
	clientWindow
)

var errExtensions = newHandshakeError(http.StatusBadRequest, "Sec-WebSocket-Extensions is malformed")

// negotiate returns the answer to the first acceptable offer of permessage-deflate, or "". It declines an offer that is
// invalid or asks for something else (RFC 7692, section 7.1). It returns an error for malformed lines (RFC 6455,
// section 9.1). It keeps no copy of the lines, which may be as long as headers may be.
func negotiate(lines []string) (answer string, err error) {
	for _, line := range lines {
		for l := (offers{line}); l.more(); {
			a, ok := l.offer()
			if !ok {
				return "", errExtensions
			}
			if answer == "" {
				answer = a
			}
		}
	}
	return answer, nil
}

// offers is the unread rest of a header line. gobwas/ws's wsflate is not used here, because it accepts offers with
// duplicate parameters and does not answer the window size.
type offers struct{ s string }

// more skips commas, because elements of a list may be empty (RFC 9110, section 5.6.1.2), and reports whether an
// element follows.
func (l *offers) more() bool {
	l.s = strings.TrimLeft(l.s, " \t,")
	return l.s != ""
}

// offer parses one element of the list.
func (l *offers) offer() (answer string, ok bool) {
	name, ok := l.token()
	if !ok {
		return "", false
	}
	serves, seen := name == deflateName, 0
	for l.take(';') {
		param, value := "", ""
		if param, ok = l.token(); !ok {
			return "", false
		}
		valued := l.take('=')
		if valued {
			if value, ok = l.value(); !ok {
				return "", false
			}
		}
		p := parameter(param, value, valued)
		serves = serves && p != 0 && seen&p == 0
		seen |= p
	}
	switch {
	case l.s != "" && l.s[0] != ',':
		return "", false
	case !serves:
		return "", true
	case seen&serverWindow != 0:
		return deflateAnswer + windowAnswer, true
	}
	return deflateAnswer, true
}

// parameter returns the bit of an acceptable parameter, or 0. compress/flate has only the largest window, so smaller
// ones are not acceptable for the server. The client may choose any window for its own messages.
func parameter(name, value string, valued bool) int {
	switch {
	case name == "server_no_context_takeover" && !valued:
		return serverNoTakeover
	case name == "client_no_context_takeover" && !valued:
		return clientNoTakeover
	case name == "server_max_window_bits" && value == "15":
		return serverWindow
	case name == "client_max_window_bits" && (!valued || isWindow(value)):
		return clientWindow
	}
	return 0
}

func isWindow(bits string) bool {
	switch bits {
	case "8", "9", "10", "11", "12", "13", "14", "15":
		return true
	}
	return false
}

// take skips white space, then b and the white space after it. It reports whether b was next.
func (l *offers) take(b byte) bool {
	l.s = strings.TrimLeft(l.s, " \t")
	if l.s == "" || l.s[0] != b {
		return false
	}
	l.s = strings.TrimLeft(l.s[1:], " \t")
	return true
}

func (l *offers) token() (t string, ok bool) {
	n := strings.IndexFunc(l.s, notToken)
	if n < 0 {
		n = len(l.s)
	}
	t, l.s = l.s[:n], l.s[n:]
	return t, n > 0
}

// value parses a token or a quoted string. A quoted string must be a token once its escapes are removed.
func (l *offers) value() (t string, ok bool) {
	if !strings.HasPrefix(l.s, `"`) {
		return l.token()
	}
	var b strings.Builder
	for i := 1; i < len(l.s); i++ {
		switch ch := l.s[i]; {
		case ch == '"':
			l.s = l.s[i+1:]
			return b.String(), isToken(b.String())
		case ch == '\\' && i+1 < len(l.s):
			i++
			b.WriteByte(l.s[i])
		default:
			b.WriteByte(ch)
		}
	}
	return "", false
}
