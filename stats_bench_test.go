package chanx

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/chanx-go/chanx/internal/hub"
	"github.com/chanx-go/chanx/internal/socket"
)

// nowhere is a transport that takes everything.
type nowhere struct{ transport }

func (nowhere) WriteText([]byte, bool) error           { return nil }
func (nowhere) WriteFrames([]socket.Frame, bool) error { return nil }

type speaker struct{ *Conn }

type speech struct {
	Content    string `json:"content" minLength:"1" maxLength:"2000"`
	SenderName string `json:"sender_name" default:"Anonymous"`
}

func (speech) Action() string { return "speech" }

// speakers are connections whose frames go nowhere.
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

// BenchmarkMessage is what a message costs without a socket, on one core and on all of them, and what of that is counting.
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

// BenchmarkCopies is what a copy of a group message costs without a socket, of 16 that come together: where what most
// members are sent is worked out once, and where each is looked at on its own.
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
