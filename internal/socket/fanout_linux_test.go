package socket

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// members are connections of an Upgrader, with clients that count received bytes.
type members struct {
	u     *Upgrader
	conns []*Conn
	peers []net.Conn
	bytes atomic.Int64
	want  atomic.Int64
	done  chan struct{}
}

func newMembers(b *testing.B, o Options, n int) *members {
	b.Helper()
	s := newServer(b, o, false)
	m := &members{u: s.u, done: make(chan struct{}, 1)}
	for range n {
		c, p := s.open(b)
		c.Start(&echoer{c}, nil)
		m.conns, m.peers = append(m.conns, c), append(m.peers, p.nc)
		go m.count(p.nc)
	}
	return m
}

func (m *members) count(nc net.Conn) {
	b := make([]byte, 2048)
	for {
		n, err := nc.Read(b)
		if err != nil {
			return // closed
		}
		if m.bytes.Add(int64(n)) == m.want.Load() {
			m.done <- struct{}{}
		}
	}
}

// threadTime is the processor time of this thread, which excludes the clients' goroutines.
func threadTime(b *testing.B) time.Duration {
	b.Helper()
	const thread = 1 // RUSAGE_THREAD
	var r syscall.Rusage
	must(b, syscall.Getrusage(thread, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// send prepares one message, sends it to all members and returns the time that took. Then it waits until all have
// received it.
func (m *members) send(b *testing.B, p []byte) time.Duration {
	f := m.u.PrepareText(p)
	m.want.Add(int64(len(m.conns) * len(f.deflated(m.u.deflater).b)))
	begin := threadTime(b)
	fs := []Prepared{m.u.PrepareText(p)}
	for _, c := range m.conns {
		must(b, c.WritePrepared(fs, false))
	}
	took := threadTime(b) - begin
	<-m.done
	return took
}

// chatText returns JSON of about 1000 bytes that differs each time.
func chatText(i int) []byte {
	b := []byte(`{"action":"history","payload":{"items":[`)
	for k := 0; len(b) < 900; k++ {
		b = fmt.Appendf(b, `{"id":%d,"sender_name":"%s","content":"what is said in message %d %s"},`, i*31+k,
			[]string{"Alice", "Bob", "Carol", "Dave"}[(i+k)%4], i^k, strings.Repeat("and so on ", (i+k)%3))
	}
	return append(b[:len(b)-1], "]}}"...)
}

// BenchmarkFanOutDeflated measures the server's processor time of sending one message of 1000 bytes to many
// connections: compressed once for all, and uncompressed, in turn. x-plain is the ratio of both.
func BenchmarkFanOutDeflated(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			plain := newMembers(b, Options{PingInterval: -1}, n) // the clients answer no pings
			deflated := newMembers(b, Options{PingInterval: -1, Deflate: true, DeflateMinBytes: 512}, n)
			for i := range 10 {
				plain.send(b, chatText(i))
				deflated.send(b, chatText(i))
			}
			var without, with time.Duration
			size, rounds := 0, 0
			b.ResetTimer()
			for i := range b.N {
				p := chatText(i)
				without += plain.send(b, p)
				with += deflated.send(b, p)
				size += len(p)
				rounds++
			}
			b.StopTimer()
			deliveries := float64(rounds * n)
			b.ReportMetric(float64(with)/deliveries, "ns/delivery")
			b.ReportMetric(float64(without)/deliveries, "plain-ns/delivery")
			b.ReportMetric(float64(with)/float64(without), "x-plain")
			b.ReportMetric(float64(size)/float64(rounds), "B/message")
			b.ReportMetric(float64(deflated.bytes.Load())/float64(plain.bytes.Load()), "x-bytes")
			for _, nc := range append(plain.peers, deflated.peers...) {
				must(b, nc.Close())
			}
		})
	}
}
