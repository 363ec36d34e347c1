package chanx

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/hub"
	"github.com/chanx-go/chanx/internal/socket"
	"github.com/chanx-go/chanx/schema"
)

// delivery is a group message, an event or a command on its way to members of this node. It is immutable, except for
// its cached frames and keys, and behind.
type delivery struct {
	cluster.Publication
	wire    int              // length of the layer data that contains Payload and Frame
	command *cluster.Command // of a command: it is encoded for other nodes only
	done    func(error)      // returned by Observer.Publish on the sender's node
	from    *Conn            // sender on this node, or nil

	behind []*Conn // connections of this node with too many events, including this one; read by the emitter

	encodedForms []*encodedForm // of a message
	keys         keys           // of a message: for Latest
}

// encodedForm is a group message as clients read it. A message of this node has one, in the server's naming. A message
// of another node arrives in declared names: if the server uses other names, the message has one form for each
// consumer's own type of that action.
type encodedForm struct {
	codec   *schema.Codec // nil: for every consumer
	payload []byte
	frame   []byte

	mu     sync.Mutex
	frames [4]socket.Prepared // by flags; prepared when the first receiver needs one
}

func (d *delivery) addEncoded(by *schema.Codec, payload, frame []byte) {
	d.encodedForms = append(d.encodedForms, &encodedForm{codec: by, payload: payload, frame: frame})
}

// weight estimates the bytes that each member is sent, and the bytes that the delivery keeps in memory.
func (d *delivery) weight() (each, kept int) {
	each, kept = len(d.Payload)+len(d.Frame), d.wire
	for _, s := range d.encodedForms {
		kept += len(s.payload) + len(s.frame) // the prepared frame has about the same length
	}
	return each, each + kept
}

// encodedFor returns the form for consumers with that codec, or nil.
func (d *delivery) encodedFor(codec *schema.Codec) *encodedForm {
	for _, s := range d.encodedForms {
		if s.codec == nil || s.codec == codec {
			return s
		}
	}
	return nil
}

// newDelivery encodes a message. It is an error if the consumer does not declare the type for groups.
func (m *mount) newDelivery(v Message) (*delivery, error) {
	if raw, ok := v.(Raw); ok {
		return rawDelivery(raw)
	}
	out, err := m.declared(v, "broadcast", "Broadcasts")
	if err != nil {
		return nil, err
	}
	if !out.group && !isLibraryAction(out.action) {
		return nil, fmt.Errorf("chanx: broadcast %T: consumer %s declares it, but not for groups: add chanx.Broadcasts[%s](consumer)",
			v, m.opts.Name, reflect.TypeOf(v).Name())
	}
	return encodeDelivery(out.typ, out.action, v, m.names.naming)
}

func rawDelivery(raw Raw) (*delivery, error) {
	if err := raw.check(); err != nil {
		return nil, err
	}
	p := slices.Clone([]byte(raw.Payload))
	d := &delivery{Publication: cluster.Publication{Kind: cluster.KindMessage, Raw: true, Action: raw.Name, Payload: p}}
	d.addEncoded(nil, p, nil)
	return d, nil
}

// encodeDelivery encodes the message in declared names and, if they differ, in the server's names.
func encodeDelivery(t *schema.Type, action string, v any, n schema.Naming) (*delivery, error) {
	d := &delivery{Publication: cluster.Publication{Kind: cluster.KindMessage, Action: action, Type: cluster.TypeIDOf(t.GoType())}}
	var err error
	if d.Payload, d.Frame, err = encodeParts(t, v, schema.AsDeclared); err != nil {
		return nil, err
	}
	payload, frame := d.Payload, d.Frame
	if n != schema.AsDeclared {
		payload, frame, err = encodeParts(t, v, n)
	}
	d.addEncoded(nil, payload, frame)
	return d, err
}

// encodeParts encodes the payload and the fields beside it, if the type has any.
func encodeParts(t *schema.Type, v any, n schema.Naming) (payload, frame []byte, err error) {
	codec, err := t.Codec(n)
	if err == nil && !t.IsEmpty() {
		payload, err = codec.Append(nil, v)
	}
	if err == nil && t.HasFrameFields() {
		frame, err = codec.AppendFrame(nil, v)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("chanx: encode %s: %w", t.GoType(), err)
	}
	return payload, frame, nil
}

// framesEach is the maximum number of frames that one delivery sends to a receiver.
const framesEach = 2

// appendFrames appends the frames that a receiver of a group message is sent, and counts them.
func (d *delivery) appendFrames(fs []socket.Prepared, to *Conn) []socket.Prepared {
	n := len(fs)
	fs, counter := d.appendCopy(fs, to, flags{mine: d.FromUser != "" && d.FromUser == to.user, current: d.from == to})
	if n == len(fs) {
		to.mount.srv.skipped(to, DropCopiesUndeclared)
		return fs
	}
	to.sent(counter, d.Action, fs[n].Len())
	if n+1 < len(fs) {
		end := to.mount.groupComplete.out
		to.sent(end.counter, end.action, fs[n+1].Len())
	}
	return fs
}

// appendCopy appends the frame for a receiver with the given flags and, if completions are on, the completion. It
// appends nothing if the receiver's consumer does not declare the message. The counter belongs to the first frame.
func (d *delivery) appendCopy(fs []socket.Prepared, to *Conn, f flags) ([]socket.Prepared, sentCounter) {
	m := to.mount
	out := m.actions[d.Action]
	s := m.encodedForm(d, out)
	if s == nil {
		return fs, nil
	}
	n, counter := len(fs), m.raw
	fs = append(fs, s.frameWith(m, d.Action, f))
	if m.completions {
		fs = append(fs, m.groupComplete.Prepared)
	}
	if !d.Raw {
		counter = out.counter
	}
	if !d.Raw && out.isDiscardable() {
		fs[n] = d.markFrame(fs[n], to, out)
		if m.completions {
			fs[n+1] = fs[n+1].Tied()
		}
	}
	return fs, counter
}

// encodedForm returns the form of a group message for this consumer's clients, or nil if the consumer does not declare
// it.
func (m *mount) encodedForm(d *delivery, out *mountedOutgoing) *encodedForm {
	switch {
	case d.Raw:
		return d.encodedFor(nil)
	case out == nil || !out.group && !isLibraryAction(d.Action):
		return nil
	case d.Type != 0 && d.Type != out.id:
		return nil // another Go type
	}
	return d.encodedFor(out.codec)
}

// Shard assigns connections to the hub's shards.
func (l *connSink) Shard() uint32 { return l.shard }

// InAny reports whether one of the subjects reaches the connection.
func (l *connSink) InAny(subjects hub.Names) bool {
	c := (*Conn)(l)
	c.mu.Lock()
	defer c.mu.Unlock()
	if subjects.Has("", c.subject) || subjects.Has("", cluster.Everyone) || c.user != "" && subjects.Has(cluster.UserSubject(""), c.user) {
		return true
	}
	return slices.ContainsFunc(c.groups, func(name string) bool { return subjects.Has(cluster.GroupSubject(""), name) })
}

// frameLists pools lists of frames for one delivery to one connection. Without the pool each would be 2 KB of garbage,
// because they escape through the transport interface.
var frameLists = sync.Pool{New: func() any { return new([32]socket.Prepared) }}

// Deliver passes a run of deliveries of the hub to the connection.
func (l *connSink) Deliver(run *hub.Run[*delivery]) {
	c := (*Conn)(l)
	if a := c.sharedBatch(run); a != nil && !c.isInvolved(run.Items) {
		a.deliver(c)
		return
	}
	c.deliverEach(run.Items)
}

// deliverEach handles each delivery separately.
func (c *Conn) deliverEach(ds []*delivery) {
	few := frameLists.Get().(*[32]socket.Prepared)
	defer func() {
		clear(few[:min(framesEach*len(ds), len(few))]) // frames may be large
		frameLists.Put(few)
	}()
	fs := few[:0]
	for _, d := range ds {
		if d.Kind != cluster.KindMessage && len(fs) > 0 {
			c.deliver(fs, false)
			fs = few[:0]
		}
		switch {
		case d.Kind == cluster.KindEvent:
			c.post(d)
		case d.Kind != cluster.KindMessage:
			c.runDisconnect(d)
		case d.from == c: // the sender has received its copy, or is excluded
		default:
			fs = d.appendFrames(fs, c)
		}
	}
	if len(fs) > 0 {
		c.deliver(fs, false)
	}
}

// post queues an event for the connection's handler.
func (c *Conn) post(d *delivery) {
	c.mu.Lock()
	wire, over := c.wire, c.ended
	kept := false
	if wire == nil {
		e := c.ensureEarly()
		if kept = len(e.events) < maxEarlyEvents; kept {
			e.events = append(e.events, d)
		}
	}
	c.mu.Unlock()
	if kept || over {
		return
	}
	if wire == nil || wire.Post(d) != nil {
		c.mount.srv.events.taken(c)
		c.mount.srv.dropped(c, DropEventsUndelivered, 1)
	}
}

// missed counts the copies that the hub had no room for. A command to close is carried out at once instead, ahead of
// queued messages: an overloaded server must still disconnect clients.
func (s *Server) missed(d *delivery, by [][]*connSink) {
	n := 0
	for _, part := range by {
		if d.Kind != cluster.KindClose {
			n += len(part)
			s.events.missed(d, part)
			continue
		}
		for _, l := range part {
			(*Conn)(l).runDisconnect(d)
		}
	}
	if n == 0 {
		return
	}
	s.countDrop(nil, DropCopiesOverload, n)
	s.logDrop(DropCopiesOverload, n)
}
