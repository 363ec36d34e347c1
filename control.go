package chanx

import (
	"bytes"

	"github.com/chanx-go/chanx/internal/socket"
)

// Control frames are frames of a client that take effect when they are read, ahead of the messages that wait: a cancel,
// and the ping of a heartbeat. A heartbeat over Ping would take a connection whose handler runs for long to be lost.
const (
	controlPrefix = "chanx."
	cancelAction  = controlPrefix + "cancel" // cancels another message, identified by its ref
	pingAction    = controlPrefix + "ping"   // is answered with pongAction
	pongAction    = controlPrefix + "pong"
)

// chanxPong answers pingAction.
type chanxPong struct{}

// Action is "chanx.pong".
func (chanxPong) Action() string { return pongAction }

// readControl returns the action and the ref of a control frame. The action is "" for any other frame, and for one that
// is not valid: it waits for its turn, and is refused then.
func (m *mount) readControl(p []byte) (action, ref string) {
	if !bytes.Contains(p, []byte(controlPrefix)) {
		return "", ""
	}
	e := m.peek(p)
	if e.tag == cancelAction && e.ref != "" || e.tag == pingAction && e.badRef == nil && !e.hasTopic {
		return e.tag, e.ref
	}
	return "", ""
}

// Arrived is called for each message that must wait, when it is read. A cancel takes effect now. A ping is answered now;
// one beyond Limits.Rate waits like any other message, so a flood of them cannot exceed the rate.
func (l *connSink) Arrived(p []byte, binary bool, ahead uint64) (answer []byte, waits bool) {
	c := (*Conn)(l)
	if binary {
		return nil, true
	}
	switch action, ref := c.mount.readControl(p); {
	case action == cancelAction:
		if !c.refs.cancel(ref, ahead) {
			c.lostCancels.Add(1)
		}
		return nil, false
	case action == pingAction && c.withinRate():
		return appendEnd(bytes.Clone(c.mount.pong.head), ref), false
	}
	return nil, true
}

// Answered counts the answer to a ping.
func (l *connSink) Answered(bytes int) { (*Conn)(l).sent(l.mount.pong.counter, pongAction, bytes) }

// control handles a control frame in its turn: no message was ahead of it when it was read.
func (c *Conn) control(f frame) {
	if f.isPing {
		c.logUnsent(c.write(chanxPong{}, f.ref, true))
		return
	}
	c.refs.cancel(f.ref, 0)
}

// withinRate counts a message against Limits.Rate and reports whether it may be handled.
func (c *Conn) withinRate() bool {
	r := &c.mount.srv.limits.Rate
	return r.PerSecond <= 0 || c.ensureRateState().rate.take(r)
}

// rejectOverRate refuses a message beyond Limits.Rate without decoding it: it only looks for the ref. A cancel still
// takes effect.
func (c *Conn) rejectOverRate(p []byte, binary bool) {
	if action, ref := c.mount.readControl(p); action == cancelAction && !binary {
		c.refs.cancel(ref, 0)
	} else {
		c.mount.srv.refusals.addError(errRate)
		c.reject(looseRef(p), c.explain(c.ctx, errRate, "", nil))
	}
	if c.ensureRateState().rate.isFlood() {
		c.closeBecause(&CloseError{socket.ClosePolicy, "too many messages"})
	}
}
