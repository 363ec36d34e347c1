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

// Droppable allows messages of this type to be discarded when Limits.SendQueueBytes wait for a slow client: the oldest
// first, an eighth of the queue at a time. The client is disconnected only if a message that must arrive still finds no
// room. What is discarded is counted and reported to Observer.Drop. A reply is never discarded, whatever its type. A
// client that reads nothing for Limits.WriteTimeout is disconnected all the same.
func Droppable() MessageOption { return messageOption(func(o *messageOptions) { o.droppable = true }) }

// Latest keeps only the newest queued message M of each key for a client. A new message replaces an older one of the
// same key that has not been sent yet, and goes to the end of the queue. What is discarded is counted and reported to
// Observer.Drop. A client that keeps up receives every message, and a reply is never discarded.
//
// M must have been declared with Broadcasts or Sends before. The function key is called on every node for each
// broadcast that has members there, on any goroutine, concurrently.
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

// latest registers the key function of Latest.
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

// isDiscardable reports whether queued frames of the message may be discarded.
func (o *outgoing) isDiscardable() bool { return o.droppable || o.key != nil }

// markFrame marks a frame with the rules for discarding it. The key "" means no key.
func (o *outgoing) markFrame(f socket.Frame, key string) socket.Frame {
	if o.droppable {
		f = f.Droppable()
	}
	return f.Latest(key)
}

// keyOf returns the message's key, unique among all messages queued for a client, or "" without Latest.
func (o *outgoing) keyOf(v any) string {
	if o.key == nil {
		return ""
	}
	return o.action + "\x00" + o.key(v)
}

// sendDiscardable is like write, for a message that is not a reply and may be discarded.
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

// keys caches the Latest keys of one group message, for each consumer on this node that has a key function.
type keys struct {
	mu  sync.Mutex
	all []consumerKey
}

type consumerKey struct {
	out *mountedOutgoing
	key string
}

// markFrame marks a frame of a group message with the rules for discarding it in the queues of one consumer's clients.
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

// keyOf calls the application's key function. If that fails, the error is logged and the message has no key.
func (d *delivery) keyOf(to *Conn, out *mountedOutgoing) (key string) {
	err := to.guard(func() error {
		v, err := out.parse(d.Payload, d.Frame, to.mount.limits)
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
