package chanx

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"

	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/schema"
)

// Droppable lets messages of this type be discarded, oldest first and an eighth of the queue at a time, where
// Limits.SendQueueBytes wait for a client that does not keep up. It is disconnected only for what must arrive and finds no
// room even so. What is discarded is counted and told to Observer.Drop. A reply is never discarded, whatever its type says.
// A client that takes nothing for Limits.WriteTimeout is disconnected all the same.
func Droppable() MessageOption { return messageOption(func(o *messageOptions) { o.droppable = true }) }

// Latest keeps only the newest message M of each key waiting for a client: one that is sent takes the place of an older
// one that has the same key and has not left yet, and stands behind what was sent in between. What is discarded is
// counted and told to Observer.Drop. A client that keeps up gets everything, and a reply is never discarded.
//
// M must have been declared with Broadcasts or Sends. The function is called on every node for each broadcast that has
// members there, on any goroutine, and several times at once.
func Latest[M Message, S any](c *Consumer[S], key func(M) string) {
	t := reflect.TypeFor[M]()
	if key == nil {
		panic(fmt.Sprintf("chanx: register latest %s: its function is nil", t))
	}
	c.end.latest(t, func() any { return new(M) }, func(v any) string {
		if p, ok := v.(*M); ok {
			return key(*p)
		}
		return key(v.(M))
	})
}

// latest notes what Latest asks for.
func (e *endpoint) latest(t reflect.Type, make func() any, key func(any) string) {
	e.register()
	action := actionOf(t)
	for _, out := range e.outgoing {
		if out.typ.GoType() != t || isLibraryAction(action) {
			continue
		}
		if out.key != nil {
			panic(fmt.Sprintf("chanx: register latest %s: consumer %s has it already", t, e.opts.Name))
		}
		e.compile(t, (*schema.Type).CheckReadable)
		out.make, out.key = make, key
		return
	}
	panic(fmt.Sprintf("chanx: register latest %s: consumer %s does not declare it: put chanx.Broadcasts[%s](consumer) before it",
		t, e.opts.Name, t.Name()))
}

// marked reports whether frames of the message may be discarded.
func (o *outgoing) isDiscardable() bool { return o.droppable || o.key != nil }

// mark notes on a frame of the message what may happen to it. A key of "" is none.
func (o *outgoing) markFrame(f socket.Frame, key string) socket.Frame {
	if o.droppable {
		f = f.Droppable()
	}
	return f.Latest(key)
}

// keyOf is the key of a message among all that waits for a client; "" where Latest was not called.
func (o *outgoing) keyOf(v any) string {
	if o.key == nil {
		return ""
	}
	return o.action + "\x00" + o.key(v)
}

// sendMarked is write for a message outside a reply that may be discarded.
func (c *Conn) sendDiscardable(m Message, out *mountedOutgoing, cork bool) error {
	wire := c.transport()
	if wire == nil {
		return errNotOpen
	}
	b, counter, err := c.mount.appendFrame(nil, m, "")
	if err != nil {
		return err
	}
	if err := wire.WriteFrames([]socket.Frame{out.markFrame(c.mount.srv.upgrader.PrepareText(b), out.keyOf(m))}, cork); err != nil {
		return wireError(err)
	}
	c.sent(counter, m.Action(), len(b))
	return nil
}

// keys are those of one group message, by the consumers on this node that asked for them.
type keys struct {
	mu  sync.Mutex
	all []consumerKey
}

type consumerKey struct {
	out *mountedOutgoing
	key string
}

// mark notes on a frame of a group message what may happen to it in the queues of one consumer's clients.
func (d *delivery) markFrame(f socket.Frame, to *Conn, out *mountedOutgoing) socket.Frame {
	if out.key == nil {
		return out.markFrame(f, "")
	}
	d.keys.mu.Lock()
	defer d.keys.mu.Unlock()
	i := slices.IndexFunc(d.keys.all, func(k consumerKey) bool { return k.out == out })
	if i < 0 {
		i = len(d.keys.all)
		d.keys.all = append(d.keys.all, consumerKey{out, d.keyOf(to, out)})
	}
	return out.markFrame(f, d.keys.all[i].key)
}

// keyOf asks the application. Without an answer the message is like any other.
func (d *delivery) keyOf(to *Conn, out *mountedOutgoing) (key string) {
	err := to.guard(func() error {
		v, err := out.parse(d.plain, d.plainFrame, to.mount.limits)
		if err == nil {
			key = out.keyOf(v)
		}
		return err
	})
	if err != nil {
		to.logError(slog.LevelError, "chanx: key of latest message", out.action, err, "action", out.action)
	}
	return key
}
