//go:build unix

package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
)

// Echo is as large as a chat message, and has a constraint or default of each usual kind.
type Echo struct {
	Content    string    `json:"content" minLength:"1" maxLength:"2000"`
	SenderName string    `json:"sender_name" maxLength:"40" default:"Anonymous"`
	RoomID     string    `json:"room_id" pattern:"^[a-z]+$"`
	Priority   int       `json:"priority" minimum:"0" maximum:"9"`
	Timestamp  time.Time `json:"timestamp"`
}

func (Echo) Action() string { return "echo" }

// echoText is a frame of Echo. The bare loop returns the same number of bytes.
const echoText = `{"action":"echo","payload":{"content":"what is said here is as long as things are in a chat",` +
	`"sender_name":"Alice","room_id":"general","priority":3,"timestamp":"2025-05-11T14:30:00Z"}}`

type visit struct{ *chanx.Conn }

func (*visit) echo(_ context.Context, m Echo) (Echo, error) { return m, nil }

// listen serves on loopback until the benchmark ends.
func listen(b *testing.B, serve func(net.Listener)) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); serve(l) }()
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
		<-done
	})
	return l.Addr().String()
}

func serveChanx(b *testing.B) string {
	b.Helper()
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*visit, error) { return &visit{c}, nil }, nil)
	chanx.OnRequest(c, (*visit).echo)
	srv := chanx.NewServer(nil)
	srv.Handle("/", c)
	b.Cleanup(func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return listen(b, func(l net.Listener) {
		if err := http.Serve(l, srv); err == nil {
			b.Error("the HTTP server ended by itself")
		}
	})
}

// serveBare returns what it reads: less than that no server can do.
func serveBare(b *testing.B) string {
	b.Helper()
	return listen(b, func(l net.Listener) {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go bareLoop(c)
		}
	})
}

func bareLoop(c net.Conn) {
	defer c.Close()
	p := make([]byte, 16<<10)
	for {
		n, err := c.Read(p)
		if err != nil {
			return
		}
		if _, err := c.Write(p[:n]); err != nil {
			return
		}
	}
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

const (
	connections = 100
	round       = connections * 192 // messages before the other side has its turn: a whole number of batches
)

// BenchmarkEcho sends messages to a chanx server, which decodes, checks, handles and encodes each, and as many bytes to a
// bare loop over the socket. It reports the server's processor time for a message of each, and their ratio.
func BenchmarkEcho(b *testing.B) {
	for _, inFlight := range []int{1, 16} {
		b.Run(fmt.Sprintf("conns=%d/inflight=%d", connections, inFlight), func(b *testing.B) {
			bare := startClients(b, serveBare(b), false, inFlight)
			full := startClients(b, serveChanx(b), true, inFlight)
			bare.echo(b, round/4) // warm up
			full.echo(b, round/4)
			var spent [2]time.Duration
			n := 0
			for b.Loop() {
				for i, c := range []*clients{bare, full} {
					before := processorTime(b)
					c.echo(b, round)
					spent[i] += processorTime(b) - before
				}
				n += round
			}
			b.ReportMetric(0, "ns/op") // the clock shows the clients too
			b.ReportMetric(float64(spent[0].Nanoseconds())/float64(n), "bare-cpu-ns/msg")
			b.ReportMetric(float64(spent[1].Nanoseconds())/float64(n), "chanx-cpu-ns/msg")
			b.ReportMetric(float64(spent[1])/float64(spent[0]), "ratio")
		})
	}
}
