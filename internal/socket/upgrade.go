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

// acceptSalt is the GUID of RFC 6455, section 1.3.
const acceptSalt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// An Upgrader turns HTTP requests into connections. It holds what they share: the options, the sweeper that hands
// reading over when a handler is slow, the wheel that sends pings, and the counters. All its methods may be called
// concurrently.
type Upgrader struct {
	opt      Options
	origins  originPolicy
	hosts    hostPolicy
	deflater *deflater // nil: no compression
	epoch    time.Time // zero of the sweeper's clock; each Upgrader has its own, because a synctest bubble has a separate clock
	sweeper  sweeper
	wheel    wheel
	counters counters

	mu       sync.Mutex
	allEnded chan struct{} // closed when the last connection has ended; nil: Wait is not waiting
}

// NewUpgrader returns an Upgrader. It panics if an origin, a host, a subprotocol or the compression level of the
// options is invalid.
func NewUpgrader(o Options) *Upgrader {
	origins, err := newOriginPolicy(o.Origins)
	if err != nil {
		panic(err)
	}
	hosts, err := newHostPolicy(o.Hosts)
	if err != nil {
		panic(err)
	}
	for i, p := range o.Subprotocols {
		if !isToken(p) || slices.Contains(o.Subprotocols[:i], p) {
			panic(fmt.Errorf("socket: use subprotocol %q: not a token, or listed twice", p))
		}
	}
	u := &Upgrader{opt: o.withDefaults(), origins: origins, hosts: hosts, epoch: time.Now()}
	u.opt.Origins, u.opt.Hosts, u.opt.Subprotocols = nil, nil, slices.Clone(o.Subprotocols)
	u.deflater = newDeflater(&u.opt)
	u.sweeper.init(u)
	u.wheel.init(u.opt)
	return u
}

// Errors of upgrading. After them the ResponseWriter is still usable.
var (
	// ErrRefusing is the error of [Upgrader.UpgradeToRefuse] when too many connections are being refused.
	ErrRefusing = errors.New("socket: too many connections are being refused")

	// ErrHijack is wrapped by the error if the connection cannot be taken over from the HTTP server.
	ErrHijack = errors.New("socket: hijack connection")
)

// Upgrade takes the connection over from the HTTP server and answers 101. After that neither w nor r may be used. The
// connection is not read before [Conn.Start], but may be written and closed. After an error that wraps ErrHijack or
// precedes the hijack, w is still usable; after a later error the connection is closed. For carriers see
// [Upgrader.Chosen].
func (u *Upgrader) Upgrade(w http.ResponseWriter, r *http.Request, carriers ...string) (*Conn, error) {
	return u.upgrade(w, r, false, carriers)
}

// UpgradeToRefuse is Upgrade for a connection that is opened only to send the reason of a refusal and to close. Such a
// connection holds a socket until the peer has answered the Close frame, or for CloseTimeout. If limit of them are open
// already, the error is ErrRefusing, and w is still usable.
func (u *Upgrader) UpgradeToRefuse(w http.ResponseWriter, r *http.Request, limit int, carriers ...string) (*Conn, error) {
	if u.counters.refusing.Add(1) > int64(limit) {
		u.counters.refusing.Add(-1)
		return nil, ErrRefusing
	}
	c, err := u.upgrade(w, r, true, carriers)
	if err != nil {
		u.counters.refusing.Add(-1)
	}
	return c, err
}

func (u *Upgrader) upgrade(w http.ResponseWriter, r *http.Request, forRefusal bool, carriers []string) (*Conn, error) {
	if e := checkHandshake(r); e != nil {
		return nil, e
	}
	extensions, err := u.extensions(r)
	if err != nil {
		return nil, err
	}
	proto, name := u.choose(r, carriers)
	nc, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHijack, err)
	}
	// net/http's buffer may hold bytes that the client sent after its handshake. The buffer itself must not be kept.
	early := make([]byte, brw.Reader.Buffered())
	if _, err = io.ReadFull(brw, early); err == nil {
		err = u.answer(nc, appendAnswer(nil, r.Header.Get("Sec-Websocket-Key"), name, extensions))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("socket: answer handshake: %w", err), nc.Close())
	}
	return newConn(u, nc, proto, extensions != "", forRefusal, early), nil
}

// extensions returns the answer to the extensions that the client offers. Without compression it does not read the
// offers.
func (u *Upgrader) extensions(r *http.Request) (answer string, err error) {
	if u.deflater == nil {
		return "", nil
	}
	return negotiate(r.Header["Sec-Websocket-Extensions"])
}

func (u *Upgrader) answer(nc net.Conn, b []byte) error {
	if err := nc.SetDeadline(time.Time{}); err != nil { // removes the deadlines of the HTTP server
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

// Chosen is the subprotocol that Upgrade will answer with: the first one of the options that the client offers, else
// the first of carriers that it offers, else "".
//
// A carrier is not a protocol but a value that a client passes as one, so [Conn.Subprotocol] does not return it. It
// must be answered nevertheless, because a browser fails a connection if it has offered subprotocols and none is
// chosen.
func (u *Upgrader) Chosen(r *http.Request, carriers ...string) string {
	_, name := u.choose(r, carriers)
	return name
}

// choose returns the subprotocol to answer with, and its number in the options from 1, or 0 for a carrier or none.
func (u *Upgrader) choose(r *http.Request, carriers []string) (number uint16, name string) {
	offered := r.Header["Sec-Websocket-Protocol"]
	if len(offered) == 0 {
		return 0, ""
	}
	if i := slices.IndexFunc(u.opt.Subprotocols, func(p string) bool { return isOffered(offered, p) }); i >= 0 {
		return uint16(i + 1), u.opt.Subprotocols[i]
	}
	if i := slices.IndexFunc(carriers, func(p string) bool { return isOffered(offered, p) }); i >= 0 {
		return 0, carriers[i]
	}
	return 0, ""
}

// isOffered reports whether the lines of Sec-WebSocket-Protocol contain name.
func isOffered(lines []string, name string) bool {
	for _, line := range lines {
		for o := range strings.SplitSeq(line, ",") {
			if trim(o) == name {
				return true
			}
		}
	}
	return false
}

// subprotocol returns the subprotocol with that number, or "" for 0.
func (u *Upgrader) subprotocol(proto uint16) string {
	if proto == 0 {
		return ""
	}
	return u.opt.Subprotocols[proto-1]
}

// appendAnswer appends the server's handshake (RFC 6455, section 4.2.2).
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
