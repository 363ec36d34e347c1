//go:build abuse

package abuse_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gobwas/ws"
)

// maxWait limits the wait for anything that must happen. It is no measure of speed: the machine may be shared.
const maxWait = time.Minute

// raider is a client that writes and reads arbitrary bytes.
type raider struct {
	net.Conn
	r *bufio.Reader
}

// opening returns a handshake request, with additional header lines.
func opening(path string, lines ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: fort.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

// dialRaw connects and sends the given bytes.
func (f *fort) dialRaw(say string) (*raider, error) {
	nc, err := f.connect()
	if err != nil {
		return nil, err
	}
	if f.tls != nil {
		nc = tls.Client(nc, f.tls)
	}
	r := newRaider(nc)
	return r, r.say([]byte(say))
}

// newRaider sets a deadline for the whole connection.
func newRaider(nc net.Conn) *raider {
	_ = nc.SetDeadline(time.Now().Add(2 * maxWait)) // fails if it is closed already; then everything does
	return &raider{nc, bufio.NewReaderSize(nc, 512)}
}

// answer reads the response to a handshake, with its body if it is not 101.
func (r *raider) answer() (a *http.Response, body string, err error) {
	if a, err = http.ReadResponse(r.r, nil); err != nil {
		return nil, "", err
	}
	b, err := io.ReadAll(a.Body)
	return a, string(b), err
}

// enter connects, and returns when the server has opened the connection.
func (f *fort) enter(path string, lines ...string) (*raider, error) {
	r, err := f.dialRaw(opening(path, lines...) + string(text(`{"action":"ping"}`)))
	if err != nil {
		return nil, err
	}
	a, body, err := r.answer()
	if err != nil || a.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("handshake: %v %s, %w", a, body, err)
	}
	return r, r.want(ws.OpText, `{"action":"pong"}`)
}

// frame returns a masked frame.
func frame(op ws.OpCode, fin bool, payload string) []byte {
	var b bytes.Buffer
	if err := ws.WriteFrame(&b, ws.MaskFrame(ws.NewFrame(op, fin, []byte(payload)))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func text(s string) []byte { return frame(ws.OpText, true, s) }

// message returns the text of a message without a ref.
func message(action, payload string) string {
	return `{"action":"` + action + `","payload":` + payload + `}`
}

func (r *raider) say(b []byte) error {
	_, err := r.Write(b)
	return err
}

// next reads a frame. The server sends only unfragmented frames without a mask.
func (r *raider) next() (op ws.OpCode, payload string, err error) {
	h, err := ws.ReadHeader(r.r)
	if err != nil {
		return 0, "", err
	}
	if h.Masked || h.Rsv != 0 || !h.Fin {
		return 0, "", fmt.Errorf("the server sends %+v", h)
	}
	p := make([]byte, h.Length)
	_, err = io.ReadFull(r.r, p)
	return h.OpCode, string(p), err
}

// want reads a frame, which must be this one.
func (r *raider) want(op ws.OpCode, payload string) error {
	if gotOp, got, err := r.next(); err != nil || gotOp != op || got != payload {
		return fmt.Errorf("got %#x %.200q, %w, want %#x %.200q", gotOp, got, err, op, payload)
	}
	return nil
}

// ends reads up to the Close frame, which must have this code, answers it, and reads the end of the connection. It
// returns the texts before it.
func (r *raider) ends(code ws.StatusCode) (texts []string, err error) {
	if texts, err = r.untilClose(code); err != nil {
		return texts, err
	}
	_ = r.say(frame(ws.OpClose, true, string(ws.NewCloseFrameBody(code, "")))) // fails if the server has closed already
	return texts, r.over()
}

func (r *raider) untilClose(code ws.StatusCode) (texts []string, err error) {
	for {
		op, payload, err := r.next()
		switch {
		case err != nil:
			return texts, fmt.Errorf("no Close frame, but: %w", err)
		case op == ws.OpText:
			texts = append(texts, payload)
		case op == ws.OpClose:
			if got, reason := ws.ParseCloseFrameData([]byte(payload)); got != code {
				return texts, fmt.Errorf("closed with %d %s, want %d", got, reason, code)
			}
			return texts, nil
		}
	}
}

// over reads the end of the connection.
func (r *raider) over() error {
	if _, err := r.r.ReadByte(); err != io.EOF {
		return fmt.Errorf("behind the Close frame: %w, want the end", err)
	}
	return r.Close()
}

// leave closes the connection normally.
func (r *raider) leave() error {
	if err := r.say(frame(ws.OpClose, true, string(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))); err != nil {
		return err
	}
	if _, err := r.untilClose(ws.StatusNormalClosure); err != nil {
		return err
	}
	return r.over()
}

// isTimeout reports whether an error is the deadline of newRaider.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
