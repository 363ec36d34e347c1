package socket

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// TestDiscardedFrames adds frames to a queue that is written from time to time, and checks its state and everything
// written.
func TestDiscardedFrames(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		q := &discardingQueue{
			r: rand.New(rand.NewPCG(seed, 0)), c: &Conn{up: NewUpgrader(Options{SendQueueBytes: 2000})},
			must: map[string]bool{}, ends: map[int]bool{}, newest: map[string]string{},
		}
		for range 400 {
			q.step()
			if err := q.check(); err != nil {
				t.Fatalf("seed %d, after %d frames: %v", seed, q.n, err)
			}
		}
		q.write(q.c.queued)
		if c := q.c; c.q != nil || c.index != nil || c.queued != 0 {
			t.Fatalf("seed %d: %d chunks, index %v and %d bytes are left", seed, len(c.q), c.index, c.queued)
		}
		if err := q.judge(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

type discardingQueue struct {
	r      *rand.Rand
	c      *Conn
	n      int // messages so far
	frames int
	hand   []byte // bytes that drain is writing
	wrote  bytes.Buffer
	must   map[string]bool   // messages that must arrive
	ends   map[int]bool      // messages with a tied frame behind them
	newest map[string]string // by key
}

func (q *discardingQueue) step() {
	switch q.r.IntN(6) {
	case 0: // a write of drain ends, and the next one begins
		q.write(q.r.IntN(300))
		q.c.inFlight = int32(len(q.c.nextChunks()))
		q.hand = wireOf(q.c.q[:q.c.inFlight])
	case 1:
		q.c.makeRoom(q.r.IntN(300))
	default:
		q.add()
	}
}

// write simulates drain after n bytes of its chunks, or a few more, have been written.
func (q *discardingQueue) write(n int) {
	q.c.inFlight = 0
	all := wireOf(q.c.q)
	n = min(n, len(all))
	q.wrote.Write(q.hand[:min(n, len(q.hand))])
	q.wrote.Write(all[min(n, len(q.hand)):n])
	q.hand = nil
	q.c.advance(n)
}

func wireOf(q []chunk) (all []byte) {
	for _, k := range q {
		all = append(all, k.b...)
	}
	return all
}

func (q *discardingQueue) add() {
	q.n++
	text := fmt.Sprint(q.n, strings.Repeat(".", q.r.IntN(30)))
	fs := []Prepared{PrepareText([]byte(text))}
	switch q.r.IntN(3) {
	case 0:
		fs[0] = fs[0].Droppable()
	case 1:
		key := fmt.Sprint(q.r.IntN(9))
		fs[0] = fs[0].Latest(key)
		q.newest[key] = text
	default:
		q.must[text] = true
	}
	if q.ends[q.n] = q.r.IntN(2) == 0; q.ends[q.n] {
		fs = append(fs, prepared("end of %d", q.n).Tied())
	}
	for _, f := range fs {
		q.frames++
		q.c.supersede(f.key)
		q.c.appendPrepared(f, false)
	}
}

// check compares the queue with its counters and index.
func (q *discardingQueue) check() error {
	c, x := q.c, index{}
	if c.index != nil {
		x = *c.index
	}
	bytes, holes, keys := 0, 0, 0
	for i, k := range c.q {
		if bytes += len(k.b); len(k.b) == 0 {
			holes++
		}
		if k.key == "" {
			continue
		}
		switch at, ok := x.latest[k.key]; {
		case ok && at == x.base+i:
			keys++
		case i >= int(c.inFlight):
			return fmt.Errorf("chunk %d with key %s is not found: %v, base %d", i, k.key, x.latest, x.base)
		}
	}
	if bytes != c.queued || holes != x.holes || keys != len(x.latest) || len(c.q) > 0 && len(c.q[0].b) == 0 || holes > 0 && 2*holes > len(c.q)+2*int(c.inFlight) {
		return fmt.Errorf("%d bytes, %d holes, %d keys are %d, %d, %v in %d chunks", bytes, holes, keys, c.queued, x.holes, x.latest, len(c.q))
	}
	return nil
}

// judge parses the written bytes: whole frames, in order, with their tied frames, and with all frames that may not be
// discarded.
func (q *discardingQueue) judge() error {
	br, got, last := bufio.NewReader(&q.wrote), map[string]bool{}, 0
	for {
		h, err := ws.ReadHeader(br)
		if err != nil {
			break
		}
		b := make([]byte, h.Length)
		if _, err := io.ReadFull(br, b); err != nil || h.OpCode != ws.OpText {
			return fmt.Errorf("a frame is incomplete: %v %v", h, err)
		}
		text, n := string(b), 0
		if got[text] = true; strings.HasPrefix(text, "end of") {
			if !q.ends[last] || text != fmt.Sprint("end of ", last) {
				return fmt.Errorf("%q comes after %d", text, last)
			}
			q.ends[last] = false
			continue
		}
		if _, err := fmt.Sscan(strings.TrimRight(text, "."), &n); err != nil || n <= last || q.ends[last] {
			return fmt.Errorf("%q comes after %d: %v", text, last, err)
		}
		last = n
	}
	for text := range q.must {
		if !got[text] {
			return fmt.Errorf("%q is missing", text)
		}
	}
	for key, text := range q.newest {
		if !got[text] {
			return fmt.Errorf("%q, the newest of key %s, is missing", text, key)
		}
	}
	reported := 0
	for _, d := range *q.c.reports {
		reported += d.n
	}
	if len(got)+reported != q.frames {
		return fmt.Errorf("%d frames were written and %d reported as discarded, of %d", len(got), reported, q.frames)
	}
	return nil
}

// BenchmarkFullQueue measures the cost of a frame for a client that does not read.
func BenchmarkFullQueue(b *testing.B) {
	const keys = 10_000
	for name, mark := range map[string]func(Prepared, int) Prepared{
		"droppable": func(f Prepared, _ int) Prepared { return f.Droppable() },
		"latest":    func(f Prepared, i int) Prepared { return f.Latest(fmt.Sprint("key", i%keys)) },
	} {
		b.Run(name, func(b *testing.B) {
			fs := make([]Prepared, 2*keys)
			for i := range fs {
				fs[i] = mark(PrepareText(make([]byte, 70)), i)
			}
			ours, theirs := net.Pipe()
			c := newConn(NewUpgrader(Options{WriteTimeout: -1}), ours, 0, false, false, nil)
			for i := 0; b.Loop(); i++ {
				if err := c.WritePrepared(fs[i%len(fs):i%len(fs)+1], false); err != nil {
					b.Fatal(err)
				}
			}
			c.Abort()
			_ = theirs.Close() // so that nothing blocks
		})
	}
}
