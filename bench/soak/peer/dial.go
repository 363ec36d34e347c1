//go:build linux

package peer

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Options say how a peer connects and writes.
type Options struct {
	TLS     *tls.Config // nil: plain TCP
	Deflate bool        // offer permessage-deflate, insist on it, and compress what is sent

	// Fragments and Pieces, both at most: into how many frames a message is cut, and into how many writes each frame. Zero
	// and one do not cut.
	Fragments, Pieces int

	ReadBuffer int           // of the kernel, in bytes; zero is the system's default
	Timeout    time.Duration // for each read and write; zero is 30 s
}

const defaultTimeout = 30 * time.Second

// Dial connects to ws://addr/path, or wss.
func Dial(ctx context.Context, addr, path string, o Options) (*Peer, error) {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	tcp, err := dialTCP(ctx, addr, o.ReadBuffer)
	if err != nil {
		return nil, fmt.Errorf("peer: dial %s: %w", addr, err)
	}
	p := &Peer{tcp: tcp, conn: tcp, opts: o}
	if o.TLS != nil {
		p.conn = tls.Client(tcp, o.TLS)
	}
	p.in = bufio.NewReader(p.conn)
	if err := p.shake(addr, path); err != nil {
		_ = tcp.Close() // the handshake's error is returned
		return nil, fmt.Errorf("peer: dial %s: %w", addr, err)
	}
	return p, nil
}

// dialTCP sets the buffer before it connects: later the window has been promised already.
func dialTCP(ctx context.Context, addr string, buffer int) (*net.TCPConn, error) {
	d := net.Dialer{Control: readBuffer(buffer)}
	c, err := d.DialContext(ctx, "tcp4", addr)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

func (p *Peer) shake(addr, path string) error {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	text := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", path, addr, key)
	if p.opts.Deflate {
		text += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	}
	if err := p.conn.SetDeadline(time.Now().Add(p.opts.Timeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(p.conn, text+"\r\n"); err != nil {
		return err
	}
	r, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return err
	}
	return p.agree(r, key)
}

// agree checks the answer (RFC 6455, section 4.1). The body of a 101 is empty; what follows are frames.
func (p *Peer) agree(r *http.Response, key string) error {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	extension := r.Header.Get("Sec-WebSocket-Extensions")
	switch {
	case r.StatusCode != http.StatusSwitchingProtocols || r.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]):
		return fmt.Errorf("the handshake was answered %s", r.Status)
	case strings.Contains(extension, "permessage-deflate") != p.opts.Deflate,
		p.opts.Deflate && !strings.Contains(extension, "server_no_context_takeover"):
		return fmt.Errorf("permessage-deflate: wanted %t, the server says %q", p.opts.Deflate, extension)
	}
	return nil
}
