package chanxtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chanx-go/chanx"
)

// ExpectError expects that the next message is a handler's error with that reason, and returns its detail.
func (c *Conn) ExpectError(reason string) (detail string) {
	c.t.Helper()
	f := c.must("", "expect an error")
	var e chanx.Error
	if err := f.error(&e); err != nil || e.Reason != reason {
		c.t.Fatalf("chanxtest: got %s, want an error with reason %q", f.text, reason)
	}
	return e.Detail
}

// ExpectInvalid expects that the next message is a validation error, and returns it. Each of want describes one item,
// in order: its type, a space and its path, such as "missing payload.content".
func (c *Conn) ExpectInvalid(want ...string) chanx.ValidationError {
	c.t.Helper()
	f := c.must("", "expect a validation error")
	var items chanx.ValidationError
	err := f.error(&items)
	var got []string
	for _, i := range items {
		got = append(got, strings.TrimSpace(i.Type+" "+path(i.Loc)))
	}
	if err != nil || !slices.Equal(got, want) {
		c.t.Fatalf("chanxtest: got %s, want a validation error with %q", f.text, want)
	}
	return items
}

// error decodes the payload of an error.
func (f *received) error(into any) error {
	if !f.is(chanx.ErrorMessage{}) {
		return fmt.Errorf("the action is %q", f.Message.Name)
	}
	return json.Unmarshal(f.Message.Payload, into)
}

func path(loc []any) string {
	parts := make([]string, len(loc))
	for i, l := range loc {
		parts[i] = fmt.Sprint(l)
	}
	return strings.Join(parts, ".")
}

// ExpectClosed expects that the server closes the connection with a code, and that only completions arrive before that.
// Code 1006 means that the connection ended without a Close frame. It returns the reason.
func (c *Conn) ExpectClosed(code int) (reason string) {
	c.t.Helper()
	f, why := c.next("")
	end := c.Ended()
	switch {
	case why == "":
		c.t.Fatalf("chanxtest: got %s, want the connection closed with %d", f.text, code)
	case end == nil:
		c.t.Fatalf("chanxtest: the connection is open after %v, want it closed with %d", c.opts.Timeout, code)
	case end.Code != code:
		c.t.Fatalf("chanxtest: the connection was closed with %d %s, want %d", end.Code, end.Reason, code)
	}
	return end.Reason
}

// ExpectNothing expects that the connection is open and that all received frames were taken, except completions.
//
// It sends a chanx.Ping with a ref and waits for the answer. The server handles the messages of a connection in order,
// so by then everything has arrived that the handlers of this connection's earlier messages have sent to it. Streams,
// and handlers with chanx.Concurrent, may still be running. The answer guarantees nothing about messages caused by
// others: in a testing/synctest bubble, call synctest.Wait first; elsewhere, let the others send a later message that
// does arrive, and receive that first.
func (c *Conn) ExpectNothing() {
	c.t.Helper()
	ref := c.newRef()
	c.SendRef(chanx.Ping{}, ref)
	if _, why := c.await(hasRef(ref)); why != "" {
		c.t.Fatalf("chanxtest: expect nothing: %s", why)
	}
	if got := c.unread(); len(got) > 0 {
		c.t.Fatalf("chanxtest: got %s, want nothing", strings.Join(got, "\n"))
	}
}

// unread returns the texts of the received frames, without completions. If a consumer answers Ping itself, the last
// pong is removed.
func (c *Conn) unread() (texts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pong := false
	for i, f := range slices.Backward(c.frames) {
		switch {
		case f.isCompletion():
		case f.Message.Name == chanx.Pong{}.Action() && !pong:
			pong = true
			c.frames = slices.Delete(c.frames, i, i+1)
		default:
			texts = append(texts, f.text)
		}
	}
	slices.Reverse(texts)
	return texts
}
