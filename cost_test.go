package chanx

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/chanx-go/chanx/internal/hub"
	"github.com/chanx-go/chanx/internal/socket"
)

// nowhere is a transport that discards all frames.
type nowhere struct{ transport }

func (nowhere) WriteText([]byte, bool) error                { return nil }
func (nowhere) WritePrepared([]socket.Prepared, bool) error { return nil }

type speaker struct{ *Conn }

type speech struct {
	Content    string `json:"content" minLength:"1" maxLength:"2000"`
	SenderName string `json:"sender_name" default:"Anonymous"`
}

func (speech) Action() string { return "speech" }

// speakers returns n connections whose transport discards all frames.
func speakers(n int) (all []*Conn) {
	c := NewConsumer(func(c *Conn, _ *http.Request) (*speaker, error) { return &speaker{c}, nil }, nil)
	OnRequest(c, func(_ *speaker, _ context.Context, m speech) (speech, error) { return m, nil })
	Broadcasts[speech](c)
	m := NewServer(nil).mount(http.NewServeMux(), "/speakers", c)
	for range n {
		conn := m.newConn(httptest.NewRequest("GET", "/speakers", nil))
		conn.state, conn.wire = &speaker{conn}, nowhere{}
		all = append(all, conn)
	}
	return all
}

var spoken = []byte(`{"action":"speech","payload":{"content":"Good morning, is anybody there who has seen my keys?","sender_name":"Ann"}}`)

// BenchmarkMessage measures a message without a socket, on one core and on all cores, and the part of it that is counting.
func BenchmarkMessage(b *testing.B) {
	b.Run("one", func(b *testing.B) {
		l := (*connSink)(speakers(1)[0])
		b.ReportAllocs()
		for b.Loop() {
			l.Message(spoken, false)
		}
	})
	b.Run("all", func(b *testing.B) {
		conns, next := speakers(64), atomic.Int32{}
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			l := (*connSink)(conns[next.Add(1)])
			for pb.Next() {
				l.Message(spoken, false)
			}
		})
	})
	b.Run("counting", func(b *testing.B) {
		c, h, s := speakers(1)[0], newHandledCounter(), newSentCounter()
		for b.Loop() {
			w := h.of(c).begin(false)
			w.stop()
			s.of(c).add(1, len(spoken))
		}
	})
}

// BenchmarkCopies measures one member's copy of a group message without a socket, for 16 messages delivered together:
// "many" with a shared batch, "few" without.
func BenchmarkCopies(b *testing.B) {
	c := speakers(1)[0]
	var ds []*delivery
	for range 16 {
		d, err := c.mount.newDelivery(speech{Content: "hi", SenderName: "Ann"})
		if err != nil {
			b.Fatal(err)
		}
		ds = append(ds, d)
	}
	for name, members := range map[string]int{"many": 1000, "few": maxUnshared} {
		b.Run(name, func(b *testing.B) {
			run := hub.Run[*delivery]{Items: ds, Members: members}
			b.ReportAllocs()
			for b.Loop() {
				(*connSink)(c).Deliver(&run)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/copy")
		})
	}
}

// TestConnFitsItsSizeClass fails if a new field moves Conn to the allocator's next size class, so that each connection
// takes 32 bytes more. See sizeclasses.go of the Go runtime.
func TestConnFitsItsSizeClass(t *testing.T) {
	const class = 320 // bytes, on 64-bit systems
	if size := unsafe.Sizeof(Conn{}); size > class {
		t.Errorf("a Conn has %d bytes, more than its size class of %d", size, class)
	}
}
