package socket

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// check returns an error for each combination of states that must not exist while nobody holds mu.
func (c *Conn) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var broken []error
	for _, k := range []struct {
		holds bool
		rule  string
	}{
		{(c.phase == phaseOpen) == (c.cause == nil), "a connection has a cause of its end if and only if it is not open"},
		{c.phase != phaseOpen || c.input == inputParsed, "input of an open connection is parsed"},
		{c.phase != phaseEnding || c.input > inputSkipped, "an end item is the last one that is parsed"},
		{c.phase != phaseLastRun || c.input != inputSkipped, "input is skipped only after items have been dropped"},
		{c.phase != phaseLastRun || c.runner > runnerNone, "there is a last run only while something runs"},
		{c.phase != phaseStopped || c.input != inputParsed, "nothing is parsed that would not be handled"},
		{c.phase != phaseStopped || c.inbox.empty() && c.rest == nil, "no items wait after the end"},
		{
			c.closeTimer != nil || c.up.opt.CloseTimeout == 0 || c.transport != transportOpen || c.phase == phaseOpen || c.phase == phaseLastRun,
			"CloseTimeout limits the end",
		},

		{(c.h == nil) == (c.handler == handlerNone), "Start sets the handler"},
		{(c.h == nil) == (c.runner == runnerReserved), "Start takes the running token"},
		{c.handler < handlerClosed || c.phase == phaseStopped, "Closed is the last call"},
		{c.handler != handlerLost || c.transport != transportOpen, "Lost is called when the transport closes"},
		{c.handler != handlerStarted || c.transport == transportOpen, "Lost is called as soon as the transport closes"},

		{c.rest == nil || c.runner == runnerInline || c.runner == runnerReserved, "only the reader has a read buffer to run from"},
		{!c.paused() || c.runner == runnerApart && c.input == inputParsed, "reading is paused only while another goroutine runs"},
		{!c.watched || c.runner != runnerNone, "only a run is watched"},

		{c.transport == transportOpen || c.phase == phaseStopped, "the transport closes after the end"},
		{c.transport == transportOpen || c.writer == writerDraining || c.queued == 0, "nothing waits for a closed transport"},
		{c.transport != transportRemoved || c.writer != writerDraining, "a connection counts while it has a goroutine"},
		{
			c.transport != transportClosed || c.writer == writerDraining || c.handler != handlerNone && c.handler != handlerReturned,
			"a connection counts only as long as necessary",
		},

		{c.writer != writerBroken || c.queued == 0, "nothing waits for a broken writer"},
		{c.writer != writerIdle || c.queued == 0 || c.runner != runnerNone, "only a run has corked frames"},
		{c.writer != writerShut || c.phase == phaseStopped && c.input >= inputDiscarded && c.queued == 0, "the write side is shut after a violation"},
		{c.inFlight == 0 || c.writer == writerDraining, "only drain has chunks in flight"},
		{c.queued == c.waiting(), "queued is the number of bytes that wait"},
		{c.wake == nil || c.canWrite(), "no writer waits in vain"},
	} {
		if !k.holds {
			broken = append(broken, errors.New(k.rule))
		}
	}
	if broken != nil {
		broken = append(broken, c.describe())
	}
	return errors.Join(broken...)
}

func (c *Conn) waiting() (n int) {
	for _, k := range c.q {
		n += len(k.b)
	}
	if c.out != nil {
		n += len(*c.out)
	}
	return n
}

func (c *Conn) describe() error {
	return fmt.Errorf("in state: phase %d, input %d, runner %d, handler %d, writer %d, transport %d, ping %d, queued %d",
		c.phase, c.input, c.runner, c.handler, c.writer, c.transport, c.ping, c.queued)
}

func (q *inbox) empty() bool { return int(q.head) == len(q.items) }

// checkRemoved waits for the goroutines of the bubble, and checks that c has reached its last states.
func (c *Conn) checkRemoved(t testing.TB) {
	t.Helper()
	synctest.Wait()
	must(t, c.check())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != phaseStopped || c.transport != transportRemoved || c.handler != handlerReturned {
		t.Error(c.describe())
	}
}

// TestStates: each way through the life of a connection passes the states that its types promise.
func TestStates(t *testing.T) {
	t.Parallel()
	type states struct {
		phase  phase
		input  inputState
		runner runnerState
		writer writerState
	}
	closes, violates, slow := closing(1000, ""), masked(3, true, ""), text("slow")
	closed, violated := "close 4000", "close 1002 use of reserved op code"
	for name, k := range map[string]struct {
		send  []byte // before the server acts
		acts  func(c *Conn) error
		reads string // by the peer
		then  []byte // sent after that
		want  states
		code  int
	}{
		"idle":   {nil, nil, "", nil, states{phaseOpen, inputParsed, runnerNone, writerIdle}, 1006},
		"unread": {text("x"), nil, "", nil, states{phaseOpen, inputParsed, runnerNone, writerDraining}, 1006},
		"split":  {slow, nil, "", nil, states{phaseOpen, inputParsed, runnerApart, writerIdle}, 1006},

		"last run":                  {slow, closeAfter, "", nil, states{phaseLastRun, inputParsed, runnerApart, writerIdle}, 4000},
		"last run, peer closes":     {slow, closeAfter, "", closes, states{phaseLastRun, inputEnded, runnerApart, writerIdle}, 4000},
		"last run, peer violates":   {slow, closeAfter, "", violates, states{phaseLastRun, inputDiscarded, runnerApart, writerIdle}, 4000},
		"ending, peer has closed":   {slow, nil, "", closes, states{phaseEnding, inputEnded, runnerApart, writerIdle}, 1000},
		"ending, peer has violated": {slow, nil, "", violates, states{phaseEnding, inputDiscarded, runnerApart, writerIdle}, 1002},

		"closing":                {nil, closeNow, closed, nil, states{phaseStopped, inputSkipped, runnerNone, writerIdle}, 4000},
		"closing, unread":        {nil, closeNow, "", nil, states{phaseStopped, inputSkipped, runnerNone, writerDraining}, 4000},
		"closing, peer violates": {nil, closeNow, closed, violates, states{phaseStopped, inputDiscarded, runnerNone, writerShut}, 4000},
		"peer has violated":      {violates, nil, violated, nil, states{phaseStopped, inputDiscarded, runnerNone, writerShut}, 1002},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, p := started(t, Options{}, nil)
				h.slowly()
				p.sendAny(k.send)
				time.Sleep(10 * time.Millisecond) // a slow run hands reading over
				if k.acts != nil {
					must(t, k.acts(h.c))
				}
				if k.reads != "" {
					p.expect(k.reads)
				}
				p.sendAny(k.then)
				synctest.Wait()
				must(t, h.c.check())
				h.c.mu.Lock()
				if c := h.c; (states{c.phase, c.input, c.runner, c.writer}) != k.want || c.transport != transportOpen {
					t.Error(c.describe(), "want", k.want)
				}
				h.c.mu.Unlock()
				must(t, p.nc.Close())
				h.end(t)
				h.c.checkRemoved(t)
				if h.c.cause.code != k.code {
					t.Errorf("closed with %d, want %d", h.c.cause.code, k.code)
				}
			})
		})
	}
}

// sendAny sends b. A pipe would take an empty write for the end.
func (p *peer) sendAny(b []byte) {
	p.t.Helper()
	if len(b) > 0 {
		p.send(b)
	}
}

func closeNow(c *Conn) error   { return c.Close(4000, "") }
func closeAfter(c *Conn) error { return c.CloseAfter(4000, "") }

// TestViolationAfterOurClose: the server shuts down its write side when it finds a violation in skipped input, because
// it would not recognise the peer's Close frame any more. So the peer need not wait for CloseTimeout.
func TestViolationAfterOurClose(t *testing.T) {
	t.Parallel()
	h, p := newServer(t, Options{CloseTimeout: -1}, false).dial(t, nil)
	must(t, h.c.Close(4000, ""))
	p.expect("close 4000")
	p.send(masked(3, true, ""), closing(4000, ""))
	must(t, p.nc.SetReadDeadline(time.Now().Add(10*time.Second)))
	p.expect("eof")
	must(t, p.nc.Close())
	h.end(t, "closed 4000")
}
