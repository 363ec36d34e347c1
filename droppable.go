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

// Droppable allows messages of this type to be discarded when a client's send queue is full (Limits.SendQueueBytes):
// the oldest first, an eighth of the queue at a time, and even the new one, which is no error of Send. A group_complete
// is discarded with its message. The connection is closed with 1013 only if a message that must arrive finds no room.
// What is discarded is counted and reported to Observer.Drop. A reply is never discarded, whatever its type. A client
// that reads nothing for Limits.WriteTimeout is cut off all the same.
func Droppable() MessageOption { return messageOption(func(o *messageOptions) { o.droppable = true }) }

// Latest keeps only the newest queued message M of each key for a client:
//
//	chanx.Broadcasts[Price](c, chanx.Latest(func(p Price) string { return p.Symbol }))
//
// A new message replaces an older one of the same key that has not been written yet, and goes to the end of the queue.
// That may happen to a client that keeps up too: frames of one handler wait for each other (see Conn.Send), and over
// TLS every frame is queued. What is discarded is counted and reported to Observer.Drop. A reply is never discarded.
// With many keys the queue may still become full, which closes the connection with 1013: give Droppable too.
//
// The function key is called on every node for each broadcast that has members there, on any goroutine, concurrently.
// It panics if key is nil. Sends and Broadcasts panic if they declare another type than M.
func Latest[M Message](key func(M) string) MessageOption {
	t := reflect.TypeFor[M]()
	if key == nil {
		panic(fmt.Sprintf("chanx: register latest %s: its function is nil: return what the newest message replaces, or leave Latest out", t))
	}
	return messageOption(func(o *messageOptions) {
		o.setLatest(&latest{t, func() any { return new(M) }, func(v any) string {
			if p, ok := v.(*M); ok {
				return key(*p)
			}
			return key(v.(M))
		}})
	})
}

// latest is the key function of Latest for one type.
type latest struct {
	typ  reflect.Type
	make func() any       // returns a pointer to a new value
	key  func(any) string // takes a value or a pointer to one
}

func (o *messageOptions) setLatest(l *latest) {
	if o.latest != nil {
		panic(fmt.Sprintf("chanx: register latest %s: it has a key function already: give Latest once", l.typ))
	}
	o.latest = l
}

// check panics if the option Latest does not fit the message t that it is given for.
func (l *latest) check(t reflect.Type) {
	switch {
	case l.typ != t:
		panic(fmt.Sprintf("chanx: register message %s: its option Latest is for %s: write chanx.Latest(func(m %s) string { … })", t, l.typ, t.Name()))
	case isLibraryType(t):
		panic(fmt.Sprintf("chanx: register message %s: a message of the library cannot have the option Latest: leave it out", t))
	}
}

// directions returns what the type of a message must support.
func (o *messageOptions) directions() []direction {
	all := []direction{(*schema.Type).CheckWritable}
	if o.latest != nil {
		all = append(all, (*schema.Type).CheckReadable) // the key function is given messages of other nodes
	}
	return all
}

// isDiscardable reports whether queued frames of the message may be discarded.
func (o *outgoing) isDiscardable() bool { return o.droppable || o.latest != nil }

// markFrame marks a frame with the rules for discarding it. The key "" means no key.
func (o *outgoing) markFrame(f socket.Prepared, key string) socket.Prepared {
	if o.droppable {
		f = f.Droppable()
	}
	return f.Latest(key)
}

// keyOf returns the message's key, unique among all messages queued for a client, or "" without Latest.
func (o *outgoing) keyOf(v any) string {
	if o.latest == nil {
		return ""
	}
	return o.action + "\x00" + o.latest.key(v)
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
	if err := wire.WritePrepared([]socket.Prepared{out.markFrame(c.mount.srv.upgrader.PrepareText(b), out.keyOf(m))}, cork); err != nil {
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
func (d *delivery) markFrame(f socket.Prepared, to *Conn, out *mountedOutgoing) socket.Prepared {
	if out.latest == nil {
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
	attempt(func() error {
		v, err := out.parse(d.Payload, d.Frame, to.mount.limits)
		if err == nil {
			key = out.keyOf(v)
		}
		return err
	}, func(err error) {
		to.logError(slog.LevelError, "chanx: key of latest message", out.action, err, "action", out.action)
	})
	return key
}
