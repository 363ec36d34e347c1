package socket

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

const (
	benchPayload = 146
	benchIn      = benchPayload + 8 // masked
	benchOut     = benchPayload + 4
)

// echoer is a Handler that returns each message, corked.
type echoer struct{ c *Conn }

func (e *echoer) Message(p []byte, _ bool) { _ = e.c.WriteText(p, true) } // fails only when the benchmark is over
func (*echoer) Event(any)                  {}
func (*echoer) StillRunning()              {}
func (*echoer) Lost()                      {}
func (*echoer) Closing()                   {}
func (*echoer) Closed(int, string)         {}
func (*echoer) Dropped(Drop, int)          {}
func (*echoer) Answered(int)               {}

func (*echoer) Arrived([]byte, bool, uint64) (answer []byte, waits bool) { return nil, true }

// bareEcho is the minimal server: for each batch one read and one write of prepared frames.
func bareEcho(nc net.Conn) {
	defer nc.Close()
	frames := bytes.Repeat(PrepareText(make([]byte, benchPayload)).b, bufSize/benchIn+1)
	b := make([]byte, bufSize)
	for have := 0; ; {
		n, err := nc.Read(b)
		if err != nil {
			return
		}
		have += n
		if _, err = nc.Write(frames[:have/benchIn*benchOut]); err != nil {
			return
		}
		have %= benchIn
	}
}

func bareConn(b *testing.B) net.Conn {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	must(b, err)
	served, err := ln.Accept()
	must(b, err)
	go bareEcho(served)
	return nc
}

// BenchmarkEcho measures a round trip over loopback TCP, including the client, with several messages in flight. The
// package and a bare socket are measured in turn, so that both meet the same machine; x-bare is the ratio of their
// times.
func BenchmarkEcho(b *testing.B) {
	for _, inFlight := range []int{1, 16} {
		b.Run(fmt.Sprintf("inflight=%d", inFlight), func(b *testing.B) {
			c, p := newServer(b, Options{}, false).open(b)
			c.Start(&echoer{c}, nil)
			bare := bareConn(b)
			out := bytes.Repeat(text(string(make([]byte, benchPayload))), inFlight)
			in := make([]byte, inFlight*benchOut)
			turn := func(nc net.Conn, n int) time.Duration {
				begin := time.Now()
				for range n {
					_, err := nc.Write(out)
					must(b, err)
					_, err = io.ReadFull(nc, in)
					must(b, err)
				}
				return time.Since(begin)
			}
			turn(p.nc, 100)
			turn(bare, 100)
			var ours, theirs time.Duration
			b.ReportAllocs()
			b.ResetTimer()
			rounds := 0
			for left := b.N; left > 0; {
				n := min(left, 200)
				ours += turn(p.nc, n)
				theirs += turn(bare, n)
				left -= n
				rounds += n
			}
			b.StopTimer()
			messages := float64(rounds * inFlight)
			b.ReportMetric(float64(ours)/messages, "ns/message")
			b.ReportMetric(float64(theirs)/messages, "bare-ns/message")
			b.ReportMetric(float64(ours)/float64(theirs), "x-bare")
			must(b, bare.Close())
			must(b, p.nc.Close())
		})
	}
}
