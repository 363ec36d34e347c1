package chanx_test

import (
	"context"
	"encoding"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
)

type (
	readMessage struct{ Bytes int }
	leaf        struct {
		Text countedText `json:"text"`
	}
	// countedText is a text that counts the bytes that are encoded.
	countedText struct {
		n  int
		to *atomic.Int64
	}
)

func (readMessage) Action() string { return "read" }
func (leaf) Action() string        { return "page_item" }

var _ encoding.TextMarshaler = countedText{}

func (c countedText) MarshalText() ([]byte, error) {
	c.to.Add(int64(c.n))
	return []byte(strings.Repeat("x", c.n)), nil
}

func (c *countedText) UnmarshalText(b []byte) error {
	c.n = len(b)
	return nil
}

// TestStreamItemsAreEncodedWhenThereIsRoom has a client that does not read: the items of all its streams that are encoded
// and not sent fit into SendQueueBytes. When the client reads, all streams continue and end.
func TestStreamItemsAreEncodedWhenThereIsRoom(t *testing.T) {
	for name, k := range map[string]struct{ streams, each, size, queue int }{
		"8 streams":           {8, 6, 60_000, 1 << 20},
		"many streams":        {50, 2, 60_000, 1 << 20},
		"a small queue":       {8, 2, 60_000, 100_000},
		"beyond the queue":    {8, 2, 60_000, 50_000},
		"small items":         {8, 40, 100, 10_000},
		"one stream, as well": {1, 12, 60_000, 200_000},
	} {
		t.Run(name, func(t *testing.T) {
			o := chanx.ServerOptions{Limits: chanx.Limits{
				SendQueueBytes: k.queue, MaxConcurrent: k.streams, WriteTimeout: -1, PingInterval: -1, InboxFrames: k.streams,
			}}
			bubble(t, o, func(t *testing.T, srv *chanx.Server) {
				var encoded atomic.Int64
				c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*state, error) { return &state{Conn: c}, nil }, nil)
				chanx.OnStream(c, func(_ *state, _ context.Context, m readMessage) iter.Seq2[leaf, error] {
					return func(yield func(leaf, error) bool) {
						for i := 0; i < k.each && yield(leaf{countedText{m.Bytes, &encoded}}, nil); i++ {
						}
					}
				})
				srv.Handle("/ws", c)
				client, v := dialSlow(t, srv)
				for range k.streams {
					client.SendRef(readMessage{k.size}, "")
				}
				synctest.Wait()
				if n, most := int(encoded.Load()), k.queue/2+2*k.size; n > most {
					t.Errorf("%d bytes are encoded, want at most %d", n, most)
				}
				v.reopen()
				synctest.Wait()
				if n := len(client.Pending()); n != k.streams*k.each {
					t.Errorf("%d items came, want %d: %v", n, k.streams*k.each, client.Ended())
				}
				client.Close(1000, "")
			})
		})
	}
}
