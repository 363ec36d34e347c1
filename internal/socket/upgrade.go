package socket

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Version is the value of Sec-WebSocket-Version that [Upgrader.Check] asks for: an answer with status 426 carries it.
const Version = "13"

// acceptSalt is the GUID of RFC 6455, section 1.3.
const acceptSalt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// An Upgrader turns HTTP requests into connections and holds what these share: options, the sweeper that takes reading
// away from slow runs, the wheel that pings, and the counters. All its methods may be called concurrently.
type Upgrader struct {
	opt      Options
	origins  originPolicy
	deflater *deflater // nil: no compression
	epoch    time.Time // the sweeper's zero; of this Upgrader, because a synctest bubble has a clock of its own
	sweeper  sweeper
	wheel    wheel
	counters counters

	mu   sync.Mutex
	none chan struct{} // closed when the last connection is over; nil while nobody waits
}

// NewUpgrader returns an Upgrader. It panics if an origin, a subprotocol or the level of the options cannot be one.
func NewUpgrader(o Options) *Upgrader {
	origins, err := newOriginPolicy(o.Origins)
	if err != nil {
		panic(err)
	}
	for i, p := range o.Subprotocols {
		if !isToken(p) || slices.Contains(o.Subprotocols[:i], p) {
			panic(fmt.Errorf("socket: use subprotocol %q: not a token, or listed twice", p))
		}
	}
	u := &Upgrader{opt: o.withDefaults(), origins: origins, epoch: time.Now()}
	u.opt.Origins, u.opt.Subprotocols = nil, slices.Clone(o.Subprotocols)
	u.deflater = newDeflater(&u.opt)
	u.sweeper.init(u)
	u.wheel.init(u.opt)
	return u
}

// Check tells whether r is a WebSocket handshake from an allowed origin (RFC 6455, sections 4.2.1 and 10.2): 0 and nil,
// or the status to refuse it with. With 426 the answer needs the headers "Upgrade: websocket", "Connection: Upgrade" and
// "Sec-WebSocket-Version: 13" ([Version]).
func (u *Upgrader) Check(r *http.Request) (status int, err error) {
	if status, err = checkHandshake(r); err != nil {
		return status, err
	}
	if _, err = u.extensions(r); err != nil {
		return http.StatusBadRequest, err
	}
	if err = u.origins.check(r); err != nil {
		return http.StatusForbidden, err
	}
	return 0, nil
}

func checkHandshake(r *http.Request) (status int, err error) {
	h := r.Header
	switch {
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, fmt.Errorf("socket: check handshake: method %s, want GET", r.Method)
	case !hasToken(h["Connection"], "upgrade") || !hasToken(h["Upgrade"], "websocket"):
		return http.StatusUpgradeRequired, errors.New("socket: check handshake: not a request to upgrade to websocket")
	case !r.ProtoAtLeast(1, 1) || r.ProtoMajor > 1:
		return http.StatusBadRequest, fmt.Errorf("socket: check handshake: cannot upgrade %s", r.Proto)
	case len(h["Sec-Websocket-Version"]) != 1 || h["Sec-Websocket-Version"][0] != Version:
		return http.StatusUpgradeRequired, errors.New("socket: check handshake: Sec-WebSocket-Version is not " + Version)
	case !isKey(h["Sec-Websocket-Key"]):
		return http.StatusBadRequest, errors.New("socket: check handshake: Sec-WebSocket-Key is not 16 bytes in base64")
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0: // its bytes would be taken for frames
		return http.StatusBadRequest, errors.New("socket: check handshake: the request has a body")
	}
	return 0, nil
}

// isKey wants one nonce of 16 bytes (RFC 6455, section 4.2.1, item 5).
func isKey(v []string) bool {
	if len(v) != 1 {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(v[0])
	return err == nil && len(b) == 16
}

// ErrRefusing is the error of [Upgrader.UpgradeToRefuse] when too many connections are being refused.
var ErrRefusing = errors.New("socket: too many connections are being refused")

// Upgrade takes the connection away from the HTTP server and answers 101. Afterwards neither w nor r is used any more.
// The connection is not read before [Conn.Start], but may be written and closed. An error before the hijack leaves w
// usable; after it the connection is closed.
func (u *Upgrader) Upgrade(w http.ResponseWriter, r *http.Request) (*Conn, error) {
	return u.upgrade(w, r, false)
}

// UpgradeToRefuse is Upgrade for a connection that is only told why it is refused, and closed. Such a connection holds a
// socket until the peer has answered the Close frame, or for CloseTimeout. The error is ErrRefusing, and w is usable, while
// there are already limit of them.
func (u *Upgrader) UpgradeToRefuse(w http.ResponseWriter, r *http.Request, limit int) (*Conn, error) {
	if u.counters.refusing.Add(1) > int64(limit) {
		u.counters.refusing.Add(-1)
		return nil, ErrRefusing
	}
	c, err := u.upgrade(w, r, true)
	if err != nil {
		u.counters.refusing.Add(-1)
	}
	return c, err
}

func (u *Upgrader) upgrade(w http.ResponseWriter, r *http.Request, refused bool) (*Conn, error) {
	if _, err := checkHandshake(r); err != nil {
		return nil, err
	}
	extensions, err := u.extensions(r)
	if err != nil {
		return nil, err
	}
	proto := u.subprotocol(r.Header["Sec-Websocket-Protocol"])
	nc, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("socket: hijack connection: %w", err)
	}
	// Bytes the client sent behind its handshake sit in net/http's buffer, which must not be kept.
	early := make([]byte, brw.Reader.Buffered())
	if _, err = io.ReadFull(brw, early); err == nil {
		err = u.answer(nc, appendAnswer(nil, r.Header.Get("Sec-Websocket-Key"), u.named(proto), extensions))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("socket: answer handshake: %w", err), nc.Close())
	}
	return newConn(u, nc, proto, extensions != "", refused, early), nil
}

// extensions is the answer to what the client offers; without compression that is not looked at.
func (u *Upgrader) extensions(r *http.Request) (answer string, err error) {
	if u.deflater == nil {
		return "", nil
	}
	return agree(r.Header["Sec-Websocket-Extensions"])
}

func (u *Upgrader) answer(nc net.Conn, b []byte) error {
	if err := nc.SetDeadline(time.Time{}); err != nil { // those of the HTTP server
		return err
	}
	if err := nc.SetWriteDeadline(deadline(u.opt.HandshakeTimeout)); err != nil {
		return err
	}
	if _, err := nc.Write(b); err != nil {
		return err
	}
	return nc.SetWriteDeadline(time.Time{})
}

// subprotocol is the number, from 1, of the first of ours that the client offers; 0: there is none.
func (u *Upgrader) subprotocol(offered []string) uint16 {
	for i, p := range u.opt.Subprotocols {
		for _, line := range offered {
			for o := range strings.SplitSeq(line, ",") {
				if trim(o) == p {
					return uint16(i + 1)
				}
			}
		}
	}
	return 0
}

// named is the subprotocol of that number, or "".
func (u *Upgrader) named(proto uint16) string {
	if proto == 0 {
		return ""
	}
	return u.opt.Subprotocols[proto-1]
}

// appendAnswer writes the server's handshake (RFC 6455, section 4.2.2).
func appendAnswer(b []byte, key, proto, extensions string) []byte {
	sum := sha1.Sum([]byte(key + acceptSalt))
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = base64.StdEncoding.AppendEncode(b, sum[:])
	if proto != "" {
		b = append(b, "\r\nSec-WebSocket-Protocol: "+proto...)
	}
	if extensions != "" {
		b = append(b, "\r\nSec-WebSocket-Extensions: "+extensions...)
	}
	return append(b, "\r\n\r\n"...)
}

// hasToken looks for a token, in any case, in comma-separated lists.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if t = trim(t); isToken(t) && strings.EqualFold(t, token) { // which takes other letters than ASCII's for equal, too
				return true
			}
		}
	}
	return false
}

// trim removes the white space around an element of a list (RFC 9110, section 5.6.3): Unicode has more, which others on the
// way take for something else.
func trim(s string) string { return strings.Trim(s, " \t") }

// isToken follows RFC 9110, section 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, notToken)
}

func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}
