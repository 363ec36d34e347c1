package serve

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/http"
)

// The bare servers implement only the handshake of WebSocket. They assume that every message has Size bytes, and answer with
// a prebuilt frame: the minimum work of any server.
var (
	bare = &Server{
		Name: "bare", Does: "no WebSocket, no JSON: for each message a frame that was built before, by net.Conn.Write",
		handler: bareHandler(1), talk: same,
	}
	corked = &Server{
		Name: "corked", Does: "as bare, but one net.Conn.Write for all messages of one read",
		handler: bareHandler(mostCorked), talk: same,
	}
)

const (
	mostCorked = 64       // frames in one write
	frameSize  = Size + 8 // of a client: 2 bytes, 2 of length, 4 of mask
	acceptKey  = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" // to the only key that the load sends
)

type bareServer struct {
	room       *room[net.Conn]
	echo, chat []byte // mostCorked frames
	most       int    // maximum number of messages answered by one write
}

func bareHandler(most int) func(Options) (http.Handler, error) {
	return func(Options) (http.Handler, error) {
		return &bareServer{
			room: newRoom[net.Conn](), most: most,
			echo: bytes.Repeat(serverFrame(message("echo", Size)), mostCorked),
			chat: bytes.Repeat(serverFrame(message("chat", Size)), mostCorked),
		}, nil
	}
}

// serverFrame is a text frame with a length of two bytes (RFC 6455, section 5.2).
func serverFrame(text string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(len(text))), text...)
}

func (s *bareServer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		complain(err)
		return
	}
	s.room.join(c)
	go s.serve(c)
}

func (s *bareServer) serve(c net.Conn) {
	defer c.Close()
	defer s.room.leave(c)
	if _, err := c.Write([]byte(acceptKey)); err != nil {
		return
	}
	p := make([]byte, mostCorked*frameSize)
	had := 0
	for {
		n, err := c.Read(p[had:])
		if err != nil {
			return
		}
		had += n
		whole := had / frameSize * frameSize
		if !s.answer(c, p[:whole]) {
			return
		}
		had = copy(p, p[whole:had])
	}
}

// answer reports whether all could be written. One write answers messages of the same kind as the first, because the load
// does not mix kinds.
func (s *bareServer) answer(c net.Conn, p []byte) bool {
	for len(p) > 0 {
		n := min(len(p)/frameSize, s.most)
		if p[19]^p[7] == 'e' { // the first letter of the action, unmasked
			if _, err := c.Write(s.echo[:n*len(s.echo)/mostCorked]); err != nil {
				return false
			}
		} else {
			frames := s.chat[:n*len(s.chat)/mostCorked]
			s.room.each(func(c net.Conn) { write(c, frames) })
		}
		p = p[n*frameSize:]
	}
	return true
}

// write ignores an error, because the connection's reader gets it too.
func write(c net.Conn, p []byte) {
	if _, err := c.Write(p); err != nil {
		_ = c.Close()
	}
}
