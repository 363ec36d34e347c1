package serve

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"
)

// clientFrames are messages as the load sends them, with a mask.
func clientFrames(action string, n int) []byte {
	mask := []byte{1, 2, 3, 4}
	b := append([]byte{0x81, 0x80 | 126, 0, Size}, mask...)
	for i, c := range []byte(message(action, Size)) {
		b = append(b, c^mask[i%4])
	}
	return bytes.Repeat(b, n)
}

func TestBareServersTakeFramesInPieces(t *testing.T) {
	for _, s := range []*Server{bare, corked} {
		h, err := s.handler(Options{})
		if err != nil {
			t.Fatal(err)
		}
		b := h.(*bareServer)
		inside, c := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.room.join(inside)
			b.serve(inside)
		}()
		go func() {
			// No read has messages of both kinds.
			for _, sent := range [][]byte{clientFrames("echo", 70), clientFrames("chat", 2)} {
				for piece := range slices.Chunk(sent, 1000) {
					if _, err := c.Write(piece); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
		want := append([]byte(acceptKey), bytes.Repeat(serverFrame(message("echo", Size)), 70)...)
		want = append(want, bytes.Repeat(serverFrame(message("chat", Size)), 2)...)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v; the answers are right: %t", s.Name, err, bytes.Equal(got, want))
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		<-done
		b.room.each(func(net.Conn) { t.Errorf("%s: somebody is left in the room", s.Name) })
	}
}
