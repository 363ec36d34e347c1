package socket

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
)

// Version is the value of Sec-WebSocket-Version that [Upgrader.Check] requires. An answer with status 426 must carry
// it.
const Version = "13"

// A HandshakeError is the reason why a request does not open a WebSocket.
type HandshakeError struct {
	Status int    // of HTTP
	Detail string // for the developers of the client, in plain words
}

// Error returns "socket: check handshake: " and the detail.
func (e *HandshakeError) Error() string { return "socket: check handshake: " + e.Detail }

func newHandshakeError(status int, format string, args ...any) *HandshakeError {
	return &HandshakeError{status, fmt.Sprintf(format, args...)}
}

// Check returns nil if r is a WebSocket handshake for an allowed host and from an allowed origin (RFC 6455, sections
// 4.2.1 and 10.2). RFC 9110 requires headers in the answer to some statuses: 405 needs Allow (section 15.5.6), 426
// needs Upgrade and Connection, over HTTP/1 only (sections 15.5.22 and 7.8). With 426, RFC 6455 also requires
// Sec-WebSocket-Version with [Version] (section 4.2.2).
func (u *Upgrader) Check(r *http.Request) *HandshakeError {
	if e := u.hosts.check(r); e != nil {
		return e
	}
	if e := checkHandshake(r); e != nil {
		return e
	}
	if _, err := u.extensions(r); err != nil {
		return errExtensions
	}
	return u.origins.check(r)
}

func checkHandshake(r *http.Request) *HandshakeError {
	h := r.Header
	switch {
	case r.Method != http.MethodGet:
		return newHandshakeError(http.StatusMethodNotAllowed, "this is a WebSocket endpoint, which is opened with GET")
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0: // its bytes would be parsed as frames
		return newHandshakeError(http.StatusBadRequest, "the request has a body: a WebSocket is opened without one")
	case !hasToken(h["Connection"], "upgrade") || !hasToken(h["Upgrade"], "websocket"):
		return newHandshakeError(http.StatusUpgradeRequired, "this is a WebSocket endpoint: open it with a WebSocket client, over HTTP/1.1")
	case !r.ProtoAtLeast(1, 1) || r.ProtoMajor > 1:
		return newHandshakeError(http.StatusBadRequest, "a WebSocket is opened over HTTP/1.1, not %s", r.Proto)
	case len(h["Sec-Websocket-Version"]) != 1 || h["Sec-Websocket-Version"][0] != Version:
		return newHandshakeError(http.StatusUpgradeRequired, "Sec-WebSocket-Version is not "+Version)
	case !isKey(h["Sec-Websocket-Key"]):
		return newHandshakeError(http.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64")
	}
	return nil
}

// isKey reports whether v is one nonce of 16 bytes in base64 (RFC 6455, section 4.2.1, item 5).
func isKey(v []string) bool {
	if len(v) != 1 {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(v[0])
	return err == nil && len(b) == 16
}

// hasToken reports whether comma-separated lists contain a token, in any case.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if t = trim(t); isToken(t) && strings.EqualFold(t, token) { // isToken, because EqualFold also folds non-ASCII letters
				return true
			}
		}
	}
	return false
}

// trim removes the white space around an element of a list (RFC 9110, section 5.6.3). strings.TrimSpace would also
// remove Unicode's white space, which proxies do not treat as such.
func trim(s string) string { return strings.Trim(s, " \t") }

// isToken implements RFC 9110, section 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, notToken)
}

func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}
