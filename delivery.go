package chanx

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/schema"
)

// delivery is a group message, an event or a command on its way to members of this node. It does not change, but for the frames,
// which are made when the first receiver needs them.
type delivery struct {
	kind    byte
	raw     bool   // of a Raw: goes to consumers that do not declare it, too
	action  string // or the event's name
	payload []byte // JSON in this server's naming, of events in declared names; empty: none
	plain   []byte // the same in declared names, for other nodes

	headers []header    // of the Observer
	done    func(error) // likewise, for the node of the sender

	from       *Conn // on this node; nil if there is none
	fromConn   string
	fromUser   string
	exceptSelf bool

	mu     sync.Mutex
	frames [4]socket.Frame // by flags
}

// newDelivery encodes a message of a consumer that must have declared it.
func (m *mount) newDelivery(v Message) (*delivery, error) {
	if raw, ok := v.(Raw); ok {
		return rawDelivery(raw)
	}
	out, err := m.declared(v, "broadcast", "Broadcasts")
	if err != nil {
		return nil, err
	}
	if !out.group && !isLibrary(v) {
		return nil, fmt.Errorf("chanx: broadcast %T: consumer %s declares it, but not for groups: add chanx.Broadcasts[%s](consumer)",
			v, m.opts.Name, reflect.TypeOf(v).Name())
	}
	return encodeDelivery(out.typ, out.action, v, m.names.naming)
}

func isLibrary(v Message) bool {
	return slices.ContainsFunc(libraryMessages, func(m Message) bool { return reflect.TypeOf(m) == reflect.TypeOf(v) })
}

func rawDelivery(raw Raw) (*delivery, error) {
	if err := raw.check(); err != nil {
		return nil, err
	}
	p := slices.Clone([]byte(raw.Payload))
	return &delivery{kind: kindMessage, raw: true, action: raw.Name, payload: p, plain: p}, nil
}

// encodeDelivery writes the payload in declared names and, if it differs, in the server's.
func encodeDelivery(t *schema.Type, action string, v any, n schema.Naming) (*delivery, error) {
	d := &delivery{kind: kindMessage, action: action}
	if t.IsEmpty() {
		return d, nil
	}
	var err error
	if d.plain, err = appendValue(t, v, schema.AsDeclared); err != nil {
		return nil, err
	}
	d.payload = d.plain
	if n != schema.AsDeclared {
		d.payload, err = appendValue(t, v, n)
	}
	return d, err
}

func appendValue(t *schema.Type, v any, n schema.Naming) ([]byte, error) {
	codec, err := t.Codec(n)
	if err != nil {
		return nil, fmt.Errorf("chanx: encode %s: %w", t.GoType(), err)
	}
	b, err := codec.Append(nil, v)
	if err != nil {
		return nil, fmt.Errorf("chanx: encode %s: %w", t.GoType(), err)
	}
	return b, nil
}

// frame returns the frame with those flags.
func (d *delivery) frame(n *names, f flags) socket.Frame {
	i := 0
	if f.mine {
		i |= 1
	}
	if f.current {
		i |= 2
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frames[i].Size() == 0 {
		b := appendPayload(n.appendHead(make([]byte, 0, len(d.payload)+128), d.action), d.payload)
		d.frames[i] = socket.PrepareText(appendEnd(n.appendFlags(b, f), ""))
	}
	return d.frames[i]
}

// appendFrames adds what a receiver of a group message is sent.
func (d *delivery) appendFrames(fs []socket.Frame, to *Conn) []socket.Frame {
	f := flags{mine: d.fromUser != "" && d.fromUser == to.user, current: d.from == to}
	frame := d.frame(to.mount.names, f)
	fs = append(fs, frame)
	to.sent(d.action, frame.Size())
	if to.mount.completions {
		fs = append(fs, to.mount.groupComplete)
		to.sent(GroupCompleteMessage{}.Action(), to.mount.groupComplete.Size())
	}
	return fs
}

// Shard spreads connections over the hub's shards.
func (l *link) Shard() uint32 { return l.shard }

// Deliver gives the connection what was sent to its groups.
func (l *link) Deliver(ds []*delivery) {
	c := (*Conn)(l)
	var few [32]socket.Frame
	fs := few[:0]
	for _, d := range ds {
		if d.kind != kindMessage && len(fs) > 0 {
			c.deliver(fs, false)
			fs = few[:0]
		}
		switch {
		case d.kind == kindEvent:
			c.post(d)
		case d.kind != kindMessage:
			c.obey(d)
		case d.from == c: // has had its copy, or wants none
		case !d.raw && !c.mount.knows(d.action):
			c.mount.srv.skipped(c, "group message that the consumer does not declare")
		default:
			fs = d.appendFrames(fs, c)
		}
	}
	if len(fs) > 0 {
		c.deliver(fs, false)
	}
}

// knows reports whether the consumer declares a group message of that action.
func (m *mount) knows(action string) bool {
	out := m.actions[action]
	return out != nil && (out.group || isLibraryAction(action))
}

func isLibraryAction(action string) bool {
	return slices.ContainsFunc(libraryMessages, func(m Message) bool { return m.Action() == action })
}

// post queues an event for the connection's handler.
func (c *Conn) post(d *delivery) {
	c.mu.Lock()
	wire, over := c.wire, c.over
	early := wire == nil && len(c.earlyEvents) < maxEarlyEvents
	if early {
		c.earlyEvents = append(c.earlyEvents, d)
	}
	c.mu.Unlock()
	if early || over {
		return
	}
	if wire == nil || wire.Post(d) != nil {
		c.mount.srv.dropped(c, "event to a closed or slow connection", 1)
	}
}
