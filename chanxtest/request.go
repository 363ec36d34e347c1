package chanxtest

import (
	"fmt"
	"iter"
	"strings"

	"github.com/chanx-go/chanx"
)

// Request sends a message with a ref of its own and returns the frame that answers it. Other frames that arrive
// meanwhile remain to be received. R is the reply type of a handler with OnRequest, chanx.CompleteMessage for a handler
// with On, or chanx.ErrorMessage if the message should fail. Any other answer ends the test with its text.
func Request[R chanx.Message](c *Conn, m chanx.Message) Frame[R] {
	c.t.Helper()
	ref := c.newRef()
	c.SendRef(m, ref)
	return reply[R](c, m, c.answered(m, ref))
}

// Stream returns an iterator that sends a message with a ref of its own when the loop begins, and yields the replies of
// the stream. Other frames that arrive meanwhile remain to be received. The loop ends at the stream's completion; an
// error instead of it ends the test with its text. Breaking out of the loop cancels the stream and waits for its end.
func Stream[R chanx.Message](c *Conn, m chanx.Message) iter.Seq[R] {
	c.t.Helper()
	return func(yield func(R) bool) {
		c.t.Helper()
		ref := c.newRef()
		c.SendRef(m, ref)
		for {
			f := c.answered(m, ref)
			if f.is(chanx.CompleteMessage{}) {
				return
			}
			if !yield(reply[R](c, m, f).Message) {
				break
			}
		}
		c.Cancel(ref)
		for {
			if f := c.answered(m, ref); f.is(chanx.CompleteMessage{}) || f.is(chanx.ErrorMessage{}) {
				return
			}
		}
	}
}

// answered waits for the next frame with a ref.
func (c *Conn) answered(m chanx.Message, ref string) received {
	c.t.Helper()
	f, why := c.await(hasRef(ref))
	if why != "" {
		c.t.Fatalf("chanxtest: request %T: %s; frames without its ref:\n%s", m, why, strings.Join(c.Pending(), "\n"))
	}
	return f
}

// reply converts an answer to its type.
func reply[R chanx.Message](c *Conn, m chanx.Message, f received) Frame[R] {
	c.t.Helper()
	var zero R
	if f.is(chanx.ErrorMessage{}) && !f.is(zero) {
		c.t.Fatalf("chanxtest: request %T: it failed: %s", m, f.failure())
	}
	return typed[R](c, f)
}

// failure returns the text of an error.
func (f *received) failure() string {
	var e chanx.Error
	if f.error(&e) == nil {
		return fmt.Sprintf("%s: %s", e.Reason, e.Detail)
	}
	return string(f.Message.Payload)
}

func hasRef(ref string) func(*received) bool { return func(f *received) bool { return f.Ref == ref } }

// newRef returns a ref that does not collide with refs of the test.
func (c *Conn) newRef() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refs++
	return fmt.Sprintf("chanxtest-%d", c.refs)
}
