package chanxtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chanx-go/chanx"
)

// await waits for the first received frame that matches, and removes it. If none comes, why is the reason.
func (c *Conn) await(match func(*received) bool) (f received, why string) {
	timeout := time.NewTimer(c.opts.Timeout)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		more, end := c.more, c.end
		if i := slices.IndexFunc(c.frames, func(f received) bool { return match(&f) }); i >= 0 {
			f = c.frames[i]
			c.frames = slices.Delete(c.frames, i, i+1)
			if f.is(chanx.CompleteMessage{}) {
				c.open--
			}
			c.mu.Unlock()
			return f, ""
		}
		c.mu.Unlock()
		if end != nil {
			return f, howItEnded(end)
		}
		select {
		case <-more:
		case <-timeout.C:
			return f, fmt.Sprintf("nothing arrived within %v", c.opts.Timeout)
		}
	}
}

func anything(*received) bool { return true }

// next returns the next frame. It skips completions, unless action is that of a completion.
func (c *Conn) next(action string) (f received, why string) {
	for {
		f, why = c.await(anything)
		if why != "" || !f.isCompletion() || f.Message.Name == action {
			return f, why
		}
	}
}

// must is next, but ends the test if there is no frame.
func (c *Conn) must(action, doing string) received {
	c.t.Helper()
	f, why := c.next(action)
	if why != "" {
		c.t.Fatalf("chanxtest: %s: %s", doing, why)
	}
	return f
}

// Next returns the text of the next frame of any kind.
func (c *Conn) Next() string {
	c.t.Helper()
	f, why := c.await(anything)
	if why != "" {
		c.t.Fatalf("chanxtest: receive: %s", why)
	}
	return f.text
}

// Receive returns the next message, which must be a valid M. It skips completions, unless M is one.
func Receive[M chanx.Message](c *Conn) Frame[M] {
	c.t.Helper()
	var zero M
	return typed[M](c, c.must(zero.Action(), fmt.Sprintf("receive %T", zero)))
}

func typed[M chanx.Message](c *Conn, got received) Frame[M] {
	c.t.Helper()
	f, err := decode[M](c, got.Frame)
	if err = cmp.Or(got.err, err); err != nil {
		c.t.Fatalf("chanxtest: receive %T: %v\ngot %s", f.Message, err, got.text)
	}
	return f
}

// ReceiveUntil skips frames until one with the action of M arrives, and returns it. See Receive.
func ReceiveUntil[M chanx.Message](c *Conn) Frame[M] {
	c.t.Helper()
	_, last := until[M](c, "receive until")
	return last
}

// CollectUntil returns the frames before the next one with the action of M, without completions. That frame is removed
// too.
func CollectUntil[M chanx.Message](c *Conn) []Frame[chanx.Raw] {
	c.t.Helper()
	before, _ := until[M](c, "collect until")
	return before
}

func until[M chanx.Message](c *Conn, doing string) (before []Frame[chanx.Raw], last Frame[M]) {
	c.t.Helper()
	var got []string
	for {
		f, why := c.await(anything)
		if why != "" {
			c.t.Fatalf("chanxtest: %s %q: %s; got\n%s", doing, last.Message.Action(), why, strings.Join(got, "\n"))
		}
		if f.is(last.Message) {
			return before, typed[M](c, f)
		}
		got = append(got, f.text)
		if !f.isCompletion() {
			before = append(before, f.Frame)
		}
	}
}

// All returns the frames that arrive until every message that this connection has sent is complete, without the
// completions. The consumer must send completions.
func (c *Conn) All() (frames []Frame[chanx.Raw]) {
	c.t.Helper()
	c.needCompletions("All")
	if c.incomplete() == 0 {
		c.t.Fatalf("chanxtest: receive all: there is nothing to wait for: every sent message is complete")
	}
	for c.incomplete() > 0 {
		f := c.must(chanx.CompleteMessage{}.Action(), "receive all")
		if !f.isCompletion() {
			frames = append(frames, f.Frame)
		}
	}
	return frames
}

func (c *Conn) incomplete() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// AllGroup returns the frames up to the completion of the next group message, including that message, whichever
// connection sent it. The consumer must send completions.
func (c *Conn) AllGroup() []Frame[chanx.Raw] {
	c.t.Helper()
	c.needCompletions("AllGroup")
	grouped := false // a completion before a group message belongs to an earlier one
	return c.allUntil(func(f *received) bool {
		grouped = grouped || f.Grouped
		return grouped && f.is(chanx.GroupCompleteMessage{})
	})
}

// AllEvent returns the frames up to the completion of the next event that a handler of this connection has handled. The
// consumer must send completions.
func (c *Conn) AllEvent() []Frame[chanx.Raw] {
	c.t.Helper()
	c.needCompletions("AllEvent")
	return c.allUntil(func(f *received) bool { return f.is(chanx.EventCompleteMessage{}) })
}

func (c *Conn) allUntil(last func(*received) bool) (frames []Frame[chanx.Raw]) {
	c.t.Helper()
	for {
		f, why := c.await(anything)
		if why != "" {
			c.t.Fatalf("chanxtest: receive all: %s", why)
		}
		if last(&f) {
			return frames
		}
		if !f.isCompletion() {
			frames = append(frames, f.Frame)
		}
	}
}

// needCompletions ends the test if the consumer sends no completions, because the test would wait for one until its
// timeout.
func (c *Conn) needCompletions(method string) {
	c.t.Helper()
	if !c.consumer.Completions {
		c.t.Fatalf("chanxtest: %s waits for a completion, and the consumer of %s sends none: switch ServerOptions.Completions on, "+
			"or ConsumerOptions.Completions, or receive with Receive, Request or ReceiveUntil", method, c.opts.Name)
	}
}
