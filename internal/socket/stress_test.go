package socket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// A story is one connection under stress: the server's handler, which checks its calls, and the client's actions. The
// state of the calls has no lock, so that the race detector checks that they run one at a time.
type story struct {
	t      testing.TB
	c      *Conn
	p      *peer
	rnd    *rand.Rand // used by the client
	closed chan struct{}
	lost   chan struct{}

	calls   atomic.Int32
	next    int         // messages must arrive as 0, 1, 2, …
	events  map[int]int // last number by sender
	handled int         // events
	self    int         // events posted by the handler
	code    int

	accepted atomic.Int64 // events
	dropped  atomic.Int64 // messages

	written int // messages begun by the client
	replies int
	pings   atomic.Int64 // not yet answered
}

func (s *story) enter() {
	if s.calls.Add(1) != 1 {
		s.t.Error("two calls at once")
	}
	s.checkStates()
}

func (s *story) checkStates() {
	if err := s.c.check(); err != nil {
		s.t.Error(err)
	}
}

// Message parses "number microseconds letters": p posts an event, w writes uncorked, l waits for the loss.
func (s *story) Message(p []byte, _ bool) {
	s.enter()
	defer s.calls.Add(-1)
	f := strings.Fields(string(p))
	if f[0] != strconv.Itoa(s.next) {
		s.t.Errorf("message %s, want %d", f[0], s.next)
	}
	s.next++
	if strings.Contains(f[2], "p") && s.post(99, s.self) {
		s.self++
	}
	if strings.Contains(f[2], "w") {
		_ = s.c.WriteText([]byte("extra"), false) // fails if the connection has ended
	}
	s.spend(f[1], strings.Contains(f[2], "l"))
	_ = s.c.WriteText([]byte(f[0]), true)
}

func (s *story) Event(e any) {
	s.enter()
	defer s.calls.Add(-1)
	k := e.([2]int)
	if last, ok := s.events[k[0]]; ok && k[1] <= last || !ok && k[1] != 0 {
		s.t.Errorf("event %d of %d, behind %d", k[1], k[0], last)
	}
	s.events[k[0]] = k[1]
	s.handled++
	if k[1]%7 == 3 {
		s.spend("7000", false)
	}
}

func (s *story) spend(µs string, untilLost bool) {
	n, err := strconv.Atoi(µs)
	must(s.t, err)
	if n == 0 && !untilLost {
		return
	}
	end := time.After(time.Duration(n) * time.Microsecond)
	if untilLost {
		end = nil
	}
	select {
	case <-end:
	case <-s.lost:
	}
}

func (s *story) post(sender, n int) bool {
	err := s.c.Post([2]int{sender, n})
	if err == nil {
		s.accepted.Add(1)
	}
	return err == nil
}

func (s *story) StillRunning() { s.checkStates() }
func (s *story) Closing()      {}
func (s *story) Lost()         { close(s.lost) } // twice would panic

func (s *story) Closed(code int, _ string) {
	s.enter() // never leaves
	s.code = code
	close(s.closed)
}

func (s *story) Answered(int) {}

func (s *story) Arrived([]byte, bool, uint64) (answer []byte, waits bool) { return nil, true }

func (s *story) Dropped(what Drop, n int) {
	s.checkStates()
	if what == DroppedMessages {
		s.dropped.Add(int64(n))
	}
}

// live is the client: bursts of frames cut anywhere, then one of five ends.
func (s *story) live() {
	var others sync.WaitGroup
	others.Go(s.listen)
	seed := s.rnd.Uint64()
	others.Go(func() { s.disturb(rand.New(rand.NewPCG(seed, 1))) })
	for range 1 + s.rnd.IntN(6) {
		if s.burst() != nil {
			break
		}
		if s.rnd.IntN(3) == 0 {
			<-time.After(time.Duration(s.rnd.IntN(8)) * time.Millisecond)
		}
	}
	end := s.rnd.IntN(5)
	s.end(end)
	<-s.closed
	others.Wait()
	s.check(end)
}

// kind returns a kind of message; most are quick.
func (s *story) kind() string {
	slow := [...]string{"0 p", "0 w", "900 -", "6000 p", "12000 w"}
	if i := s.rnd.IntN(8 * len(slow)); i < len(slow) {
		return slow[i]
	}
	return "0 -"
}

func (s *story) burst() error {
	var b []byte
	for range 1 + s.rnd.IntN(20) {
		b = s.message(b, s.kind())
	}
	for len(b) > 0 {
		k := len(b)
		if s.rnd.IntN(3) == 0 {
			k = 1 + s.rnd.IntN(len(b))
		}
		if _, err := s.p.nc.Write(b[:k]); err != nil {
			return err
		}
		b = b[k:]
	}
	return nil
}

// message appends the next message, possibly in a few fragments, with pings before, between and behind them.
func (s *story) message(b []byte, what string) []byte {
	word := fmt.Sprint(s.written, " ", what, strings.Repeat(" ü", s.rnd.IntN(60)*s.rnd.IntN(60)/(1+s.rnd.IntN(60))))
	s.written++
	op := ws.OpText
	for s.rnd.IntN(3) == 0 && len(word) > 1 {
		k := 1 + s.rnd.IntN(len(word)-1)
		b = append(b, masked(op, false, word[:k])...)
		word, op = word[k:], ws.OpContinuation
		if s.rnd.IntN(4) == 0 {
			s.pings.Add(1)
			b = append(b, masked(ws.OpPing, true, "")...)
		}
	}
	return append(b, masked(op, true, word)...)
}

// listen checks that each reply arrives once, in order.
func (s *story) listen() {
	for {
		switch f := s.p.frame(); f {
		case "eof", "reset":
			return
		case "pong":
			s.pings.Add(-1)
		case "ping", "text extra":
		case "text " + strconv.Itoa(s.replies):
			s.replies++
		default:
			if !strings.HasPrefix(f, "close") {
				s.t.Errorf("frame %q, want reply %d", f, s.replies)
			}
		}
	}
}

// disturb does everything that may happen at any time: events, writes, outdated slow runs, expired read deadlines,
// replaced readers.
func (s *story) disturb(rnd *rand.Rand) {
	for n := 0; ; {
		select {
		case <-s.closed:
			return
		case <-time.After(time.Duration(rnd.IntN(3000)) * time.Microsecond):
		}
		switch rnd.IntN(6) {
		case 0, 1:
			if s.post(1, n) {
				n++
			}
		case 2:
			_ = s.c.WriteText([]byte("extra"), rnd.IntN(2) == 0) // may fail at the end
		case 3:
			_ = s.c.nc.SetReadDeadline(s.c.up.epoch) // an expired deadline is harmless in any state
		case 4:
			s.c.mu.Lock()
			s.c.replaceReader()
			s.c.mu.Unlock()
		case 5:
			s.c.mu.Lock()
			no := s.c.runNo
			s.c.mu.Unlock()
			s.c.overdue(no - 1)
		}
		s.checkStates()
	}
}

const (
	endByClose   = iota // the client closes behind its last message
	endByLoss           // the client vanishes
	endInMessage        // the client vanishes while a handler waits for that
	endByServer
	endByAbort
)

func (s *story) end(how int) {
	switch how {
	case endByClose:
		_, err := s.p.nc.Write(append(s.message(nil, "100 -"), closing(1000, "")...))
		must(s.t, err)
		<-s.closed
	case endByLoss, endInMessage:
		if how == endInMessage {
			_, err := s.p.nc.Write(s.message(nil, "0 l"))
			must(s.t, err)
		}
		if tc, ok := s.p.nc.(*net.TCPConn); ok && s.rnd.IntN(2) == 0 {
			must(s.t, tc.SetLinger(0))
		}
		must(s.t, s.p.nc.Close())
	case endByServer:
		if err := s.c.CloseAfter(4000, ""); err != nil {
			s.t.Error(err)
		}
		_, _ = s.p.nc.Write(closing(4000, "")) // the server may have stopped reading
	case endByAbort:
		s.c.Abort()
	}
}

// check compares the counts of both sides once the connection has ended.
func (s *story) check(how int) {
	<-s.lost
	s.checkStates()
	if want := [...]int{1000, 1006, 1006, 4000, 1006}[how]; s.code != want {
		s.t.Errorf("end %d: closed with %d, want %d", how, s.code, want)
	}
	_ = s.p.nc.Close()               // may be closed already
	dropped := int(s.dropped.Load()) // may be too low, because Dropped may be called after Closed
	if s.next+dropped > s.written || how == endByClose && s.next != s.written {
		s.t.Errorf("end %d: %d messages handled and %d dropped of %d", how, s.next, dropped, s.written)
	}
	if how == endByClose && (s.replies != s.written || s.pings.Load() != 0) {
		s.t.Errorf("%d replies to %d messages, %d pings not answered", s.replies, s.written, s.pings.Load())
	}
}

// stress runs stories, many at a time, for d.
func stress(t *testing.T, u *Upgrader, many int, d time.Duration, open func() (*Conn, *peer)) {
	var done, messages, events, accepted atomic.Int64
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), uint64(many)))
			for time.Now().Before(end) && !t.Failed() {
				c, p := open()
				s := &story{
					t: t, c: c, p: p, rnd: rnd, events: map[int]int{},
					closed: make(chan struct{}), lost: make(chan struct{}),
				}
				c.Start(s, nil)
				s.live()
				done.Add(1)
				messages.Add(int64(s.next))
				events.Add(int64(s.handled))
				accepted.Add(s.accepted.Load())
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := u.Wait(ctx); errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d connections left", u.Stats().Open)
	}
	for i := range u.sweeper.lists {
		l := &u.sweeper.lists[i]
		l.mu.Lock()
		if l.head != nil {
			t.Error("the sweeper still lists a connection")
		}
		l.mu.Unlock()
	}
	st := u.Stats()
	if n := events.Load() + st.Drops[DroppedEvents]; n != accepted.Load() {
		t.Errorf("%d events handled or dropped of %d", n, accepted.Load())
	}
	t.Logf("%d connections, %d messages, %d events, %d hand-overs, %d readers replaced, %d pauses, drops %v",
		done.Load(), messages.Load(), events.Load(), st.HandOvers, st.Replacements, st.Pauses, st.Drops)
	if st.HandOvers == 0 || st.Replacements == 0 || st.Pauses == 0 {
		t.Error("not enough stress")
	}
}

var stressed = Options{
	InboxMessages: 8, PingInterval: 20 * time.Millisecond, PongTimeout: -1, CloseTimeout: 20 * time.Second,
}

func TestStressOverTCP(t *testing.T) {
	s := newServer(t, stressed, false)
	stress(t, s.u, 24, 2*time.Second, func() (*Conn, *peer) { return s.open(t) })
}

func TestStressOverTLS(t *testing.T) {
	s := newServer(t, stressed, true)
	stress(t, s.u, 8, time.Second, func() (*Conn, *peer) { return s.open(t) })
}

func TestStressOverPipes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := NewUpgrader(stressed)
		stress(t, u, 24, time.Second/2, func() (*Conn, *peer) {
			early := bytes.Repeat(masked(ws.OpPong, true, ""), rand.IntN(3))
			return piped(t, u, early)
		})
	})
}
