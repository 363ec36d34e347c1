package socket

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// answering makes Arrived answer each text that begins with "ask" with its length, and makes slow handlers.
func (h *recorder) answering() *recorder {
	h.arrived = func(p []byte, _ bool, _ uint64) (answer []byte, waits bool) {
		if !strings.HasPrefix(string(p), "ask") {
			return nil, true
		}
		return fmt.Append(nil, "answer ", len(p)), false
	}
	return h.slowly()
}

// TestAnswersDoNotWait: an answer of Arrived is written while the handler runs, whether its message was read before the
// hand-over or after it, with what the handler has corked before it.
func TestAnswersDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := piped(t, NewUpgrader(Options{}))
		h := newRecorder(c)
		h.answering()
		begin := time.Now()
		c.Start(h, nil)
		p.send(text("fast"), text("slow"), text("ask 1"), text("waits"))
		p.expect("text fast", "text answer 5")
		if d := time.Since(begin); d > 10*time.Millisecond {
			t.Errorf("the first answer took %v", d)
		}
		p.send(text("ask four"), masked(ws.OpPing, true, "x"))
		p.expect("text answer 8", "pong x", "text slow", "text waits")
		must(t, p.nc.Close())
		h.end(t, "m fast", "m slow", "m waits", "closed 1006")
		if n, bytes := h.answers.Load(), h.answerBytes.Load(); n != 2 || bytes != 16 {
			t.Errorf("%d answers with %d bytes were reported", n, bytes)
		}
	})
}

// TestAnswersDuringTheOpening: the first event does not delay answers to messages that arrived with the handshake.
func TestAnswersDuringTheOpening(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := piped(t, NewUpgrader(Options{}), text("ask"))
		h := newRecorder(c)
		c.Start(h.answering(), "slow")
		p.expect("text answer 3", "text slow")
		must(t, p.nc.Close())
		h.end(t, "e slow", "closed 1006")
	})
}

// TestAnswersInBackpressure: answers written before the inbox is full leave before reading is paused; behind that
// nothing is answered until there is room.
func TestAnswersInBackpressure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := piped(t, NewUpgrader(Options{InboxMessages: 1}))
		h := newRecorder(c)
		c.Start(h.answering(), nil)
		p.send(text("slow"))
		time.Sleep(10 * time.Millisecond)
		p.send(text("ask"), text("1"), text("ask 2"))
		p.expect("text answer 3")
		p.quiet(time.Millisecond)
		p.expect("text slow", "text 1")
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestAnswersToAClosingConnection: they are written until the running call has returned, and not after Close.
func TestAnswersToAClosingConnection(t *testing.T) {
	t.Parallel()
	for how, k := range map[string]struct {
		close func(*Conn) error
		want  []string
	}{
		"after the call": {func(c *Conn) error { return c.CloseAfter(1001, "") }, []string{"text answer 3", "text slow", "close 1001"}},
		"now":            {func(c *Conn) error { return c.Close(1001, "") }, []string{"close 1001"}},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, p := piped(t, NewUpgrader(Options{}))
				h := newRecorder(c)
				c.Start(h.answering(), nil)
				p.send(text("slow"))
				time.Sleep(10 * time.Millisecond)
				go func() { _ = k.close(c) }()
				synctest.Wait()
				p.send(text("ask"))
				p.expect(k.want...)
				must(t, p.nc.Close())
				h.end(t)
				if n := h.answers.Load(); n != int64(len(k.want)/2) {
					t.Errorf("%d answers were reported", n)
				}
			})
		})
	}
}

// TestAnswersBeyondTheSendQueue: an answer that does not fit ends the connection, whether its message is found by the
// reader or when the rest of a batch is queued. What waits is dropped and counted.
func TestAnswersBeyondTheSendQueue(t *testing.T) {
	t.Parallel()
	for name, split := range map[string]bool{"at hand-over": false, "by a reader": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, p := piped(t, NewUpgrader(Options{SendQueueBytes: 100}))
				h := newRecorder(c)
				h.answering()
				h.message = func([]byte, bool) {
					must(t, c.WriteText(make([]byte, 90), false))
					time.Sleep(20 * time.Millisecond) // in a bubble
				}
				c.Start(h, nil)
				rest := [][]byte{text("two"), text("ask"), text("three"), masked(ws.OpText, false, "fo")}
				if split {
					p.send(text("one"))
					time.Sleep(10 * time.Millisecond)
					p.send(rest...)
				} else {
					p.send(append([][]byte{text("one")}, rest...)...)
				}
				time.Sleep(50 * time.Millisecond)
				p.expect("text "+abbreviated(make([]byte, 90)), "close 1013 too slow")
				p.send(masked(ws.OpContinuation, true, "ur"), closing(1013, ""))
				p.expect("eof")
				h.end(t, "m one", "closed 1013 too slow")
				synctest.Wait()
				if n := h.dropped(DroppedMessages); n != 3 || h.answers.Load() != 0 {
					t.Errorf("%d messages dropped, want 3, and %d answers reported", n, h.answers.Load())
				}
			})
		})
	}
}

// TestAFloodIsAnsweredInBatches: the answers to what one read has found are written together.
func TestAFloodIsAnsweredInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const flood = 200
		c, p := piped(t, NewUpgrader(Options{}))
		h := newRecorder(c)
		c.Start(h.answering(), nil)
		p.send(text("slow"))
		time.Sleep(10 * time.Millisecond)
		p.send(bytes.Repeat(text("ask"), flood))
		b := make([]byte, bufSize)
		n, err := p.nc.Read(b)
		if want := flood * len(PrepareText([]byte("answer 3")).b); n != want || err != nil {
			t.Errorf("one write has %d bytes, want %d: %v", n, want, err)
		}
		p.expect("text slow")
		must(t, p.nc.Close())
		h.end(t)
		if n := h.answers.Load(); n != flood {
			t.Errorf("%d answers were reported", n)
		}
	})
}
