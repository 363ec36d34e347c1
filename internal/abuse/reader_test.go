//go:build abuse

package abuse_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// TestClientsThatNeverRead: broadcasts continue while a thousand members of the group do not read. Each of these has a
// queue of up to SendQueueBytes, then ends with 1013. The member that reads gets every broadcast.
func TestClientsThatNeverRead(t *testing.T) {
	const raiders, queue, own = 1000, 16 << 10, 112 << 10 // own is what a connection takes at both ends
	f := build(t, plan{
		small: true, heap: raiders * (queue + own),
		ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{SendQueueBytes: queue}},
	})
	sent, bulk := 0, strings.Repeat("x", 4<<10)
	f.during(ends{1013: raiders}, func() {
		slow := make([]*raider, raiders)
		f.crowd(raiders, func(i int) (err error) {
			slow[i], err = f.enter("/ws")
			return err
		})
		for f.seen.sees().closed[1013] < raiders && sent < 1000 && !t.Failed() {
			if err := f.srv.Broadcast(t.Context(), said{bulk}, chanx.To(square)); err != nil {
				t.Fatal(err)
			}
			sent++
			eventually(t, "the bystander has it", func() bool { return f.by.heard.Load() == int64(sent) })
		}
		f.crowd(raiders, func(i int) error { // what they receive when they read at last
			_, err := slow[i].ends(ws.StatusCode(1013))
			return err
		})
	})
	s := f.seen.sees()
	t.Logf("%d broadcasts of %d bytes; closed %v; dropped %v", sent, len(bulk), s.closed, s.dropped)
	if most := 2 * (queue + kernel) / len(bulk); sent > most || s.dropped["bytes_overflow"] == 0 {
		t.Errorf("%d broadcasts were made, want at most %d; dropped %v", sent, most, s.dropped)
	}
}

// pouring opens clients that have asked for endless streams.
func (f *fort) pouring(raiders, streams int) []*raider {
	all := make([]*raider, raiders)
	f.crowd(raiders, func(i int) (err error) {
		if all[i], err = f.enter("/ws"); err != nil {
			return err
		}
		return all[i].say(bytes.Repeat(text(message("pour", `{"Bytes":1000}`)), streams))
	})
	return all
}

// TestStreamsToClientsThatNeverRead: streams wait for their readers once half of SendQueueBytes is queued. A stream
// continues when its client reads, and ends with its connection.
func TestStreamsToClientsThatNeverRead(t *testing.T) {
	const raiders, streams, queue, own = 100, 8, 64 << 10, 256 << 10
	f := build(t, plan{
		small: true, heap: raiders * (queue + own), goroutines: streams + 4,
		ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{SendQueueBytes: queue}},
	})
	f.during(ends{1000: raiders / 2, 1006: raiders / 2}, func() {
		all := f.pouring(raiders, streams)
		drops, trips := -1, f.by.trips.Load()
		eventually(t, "the streams wait", func() bool { // none has continued for many trips of the bystander
			if now := f.seen.sees().sent["drop"]; now != drops {
				drops, trips = now, f.by.trips.Load()
			}
			return drops >= raiders && f.by.trips.Load() > trips+50
		})
		if most := raiders * (queue/2 + kernel) / 1000; drops > most {
			t.Errorf("%d drops were made, want at most %d", drops, most)
		}
		if s := f.seen.sees(); s.ended() > 0 {
			t.Errorf("they should wait, but were closed: %v", s.closed)
		}
		f.crowd(raiders, func(i int) error {
			if i%2 == 0 {
				return all[i].Close()
			}
			if err := all[i].Conn.(*net.TCPConn).SetReadBuffer(1 << 20); err != nil { // otherwise little arrives at a time
				return err
			}
			for range 500 { // more than can be queued
				if op, got, err := all[i].next(); err != nil || op != ws.OpText || !strings.HasPrefix(got, `{"action":"drop"`) {
					return fmt.Errorf("got %#x %.50s, %w, want a drop", op, got, err)
				}
			}
			return all[i].leave()
		})
	})
	if n := f.seen.sees().dropped["bytes_overflow"]; n > 0 {
		t.Errorf("%d bytes were dropped", n)
	}
}

// TestStalledStreams: a client that accepts nothing for WriteTimeout is disconnected, and its streams end.
func TestStalledStreams(t *testing.T) {
	const raiders, queue = 50, 1 << 20
	f := build(t, plan{small: true, heap: raiders * queue, ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{
		SendQueueBytes: queue, WriteTimeout: 500 * time.Millisecond,
	}}})
	f.during(ends{1006: raiders}, func() {
		all := f.pouring(raiders, 1)
		eventually(t, "they are cut off", func() bool { return f.seen.sees().closed[1006] == raiders })
		f.crowd(raiders, func(i int) error { return all[i].Close() })
	})
}

// TestHalfClosedConnections: a client that closes its write side is treated as gone. One that no longer reads ends when
// its queue is full. One that does neither after a Close frame gets CloseTimeout and no more.
func TestHalfClosedConnections(t *testing.T) {
	const raiders = 90
	f := build(t, plan{small: true, ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{
		SendQueueBytes: 32 << 10, CloseTimeout: 500 * time.Millisecond,
	}}})
	ask := text(message("ask", `{"Text":"`+strings.Repeat("x", 1000)+`"}`))
	f.during(ends{1002: raiders / 3, 1006: raiders / 3, 1013: raiders / 3}, func() {
		all := make([]*raider, raiders)
		f.crowd(raiders, func(i int) (err error) {
			if all[i], err = f.enter("/ws"); err != nil {
				return err
			}
			r, tcp := all[i], all[i].Conn.(*net.TCPConn)
			switch i % 3 {
			case 0:
				if err := errors.Join(r.say(ask), tcp.CloseWrite()); err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, r.r) // until EOF or a reset
				if isTimeout(err) {
					return err
				}
			case 1:
				for err = tcp.CloseRead(); err == nil; err = r.say(ask) {
				}
				if isTimeout(err) {
					return err
				}
			case 2:
				if err := r.say(frame(3, true, "no such frame")); err != nil {
					return err
				}
				if _, err := r.untilClose(ws.StatusProtocolError); err != nil {
					return err
				}
			}
			return nil
		})
		eventually(t, "they have ended", func() bool { return f.seen.sees().ended() == raiders })
		f.crowd(raiders, func(i int) error { return all[i].Close() })
	})
}
