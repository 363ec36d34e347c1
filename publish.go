package chanx

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/schema"
)

// deliver passes d to this node's members, the sender first, and to the layer.
func (s *Server) deliver(ctx context.Context, d *delivery, r *recipients) error {
	here := r.here()
	if err := s.checkRecipients(r); err != nil || len(here) == 0 && !r.nodes {
		return err
	}
	if err := s.prepare(ctx, d, r.remoteTargets()); err != nil {
		return err
	}
	if c := d.from; c != nil && !d.ExceptSelf && c.inAny(here) {
		c.deliver(d.appendFrames(nil, c), mayCork(ctx, c))
	}
	if len(here) > 0 {
		s.missed(d, s.hub.Deliver(d, here...))
	}
	if r.nodes {
		s.nodeEvents.push(ctx, d, true)
	}
	return s.publish(ctx, d)
}

// checkRecipients returns an error if nothing can be sent to recipients.
func (s *Server) checkRecipients(r *recipients) error {
	if s.isClosed() {
		return ErrClosed
	}
	if n := len(r.remoteTargets()) + len(r.local); n > cluster.MaxTargets {
		return fmt.Errorf("chanx: publish: it has %d targets, more than %d: use a group", n, cluster.MaxTargets)
	}
	return nil
}

func (c *Conn) inAny(subjects []string) bool {
	return slices.ContainsFunc(subjects, func(s string) bool { return c.mount.srv.hub.Has(s, (*connSink)(c)) })
}

// prepare makes d a publication to targets on other nodes, and calls the Observer. It is called before any member
// receives d: a message that is too long for other nodes is not delivered to this node's members either. Without
// targets there is nothing to publish.
func (s *Server) prepare(ctx context.Context, d *delivery, targets []string) error {
	if len(targets) == 0 {
		return nil
	}
	d.Node, d.Targets = s.node.ID, targets
	if d.command != nil {
		if err := d.SetCommand(d.command); err != nil {
			return err
		}
	}
	s.observe(ctx, d)
	if n := d.Size(); n > cluster.MaxBytes {
		err := fmt.Errorf("chanx: publish %q: it takes %d bytes, more than %d: send less, or where to fetch it", d.Action, n, cluster.MaxBytes)
		s.publishDone(d, err)
		return err
	}
	return nil
}

// observe calls the Observer for a publication and stores its headers, which are also used on this node.
func (s *Server) observe(ctx context.Context, d *delivery) {
	if s.observer == nil {
		return
	}
	p := &Publication{Action: d.Action, IsEvent: d.Kind == cluster.KindEvent, Targets: len(d.Targets)}
	d.done = s.observer.Publish(ctx, p)
	d.Headers = p.headers
}

// publishDone reports the result of a publication to the Observer.
func (s *Server) publishDone(d *delivery, err error) {
	if d.done != nil {
		s.observer.done("Publish", d.done, err)
	}
}

// publish passes a publication to the layer, if it has targets on other nodes.
func (s *Server) publish(ctx context.Context, d *delivery) error {
	if len(d.Targets) == 0 {
		return nil
	}
	err := s.node.Publish(ctx, &d.Publication)
	s.publishDone(d, err)
	return s.tolerateUnsent(d, err)
}

// Broadcast sends a message from outside a connection: is_mine and is_current are false for all receivers. The type
// need not be declared on this node. A receiver whose consumer does not declare it is skipped and counted. Calling it
// without a target is an error. See Conn.Broadcast.
func (s *Server) Broadcast(ctx context.Context, m Message, to ...Target) error {
	r, err := newRecipients("broadcast", to)
	if err != nil {
		return err
	}
	var d *delivery
	if raw, ok := m.(Raw); ok {
		d, err = rawDelivery(raw)
	} else {
		d, err = s.encode(m)
	}
	if err != nil {
		return err
	}
	return s.deliver(ctx, d, &r)
}

// Emit sends an event to the handlers of connections. Calling it without a target is an error. See Conn.Emit. With the
// context of a handler it does not wait for the connection of that handler.
func (s *Server) Emit(ctx context.Context, e Event, to ...Target) error {
	r, err := newRecipients("emit", to)
	if err != nil {
		return err
	}
	return s.emit(ctx, nil, s.compiler, e, r)
}

func newRecipients(verb string, to []Target) (recipients, error) {
	if len(to) == 0 || slices.Contains(to, nil) {
		return recipients{}, fmt.Errorf("chanx: %s: no target: say To(groups...), ToUser(ids...), ToConn(ids...) or All()", verb)
	}
	r := targets(to)
	if verb != "emit" {
		r.err = errors.Join(r.err, r.errNodes(verb))
	}
	return r, r.err
}

// emit sends an event. from is the connection whose method was called, or nil; by is the compiler of the emitter.
func (s *Server) emit(ctx context.Context, from *Conn, by *schema.Compiler, e Event, r recipients) error {
	if r.err != nil {
		return r.err
	}
	d, err := s.encodeEvent(by, e)
	if err != nil {
		return err
	}
	err = s.deliver(ctx, d, &r)
	s.events.wait(ctx, from, d.behind)
	return err
}

func (s *Server) encodeEvent(by *schema.Compiler, e Event) (*delivery, error) {
	if err := checkSent("emit", "event", "Event", e); err != nil {
		return nil, err
	}
	t, err := s.compile(by, reflect.TypeOf(e))
	if err == nil {
		err = checkEvent(t)
	}
	if err != nil {
		return nil, fmt.Errorf("chanx: emit %T: %w", e, err)
	}
	if err := checkEventName(t.GoType(), e.Event()); err != nil {
		return nil, fmt.Errorf("chanx: emit %w", err)
	}
	d := &delivery{Publication: cluster.Publication{Kind: cluster.KindEvent, Action: e.Event(), Payload: []byte("{}")}}
	if !t.IsEmpty() {
		d.Payload, _, err = encodeParts(t, e, schema.AsDeclared)
	}
	return d, err
}

// encode creates the delivery of a message, whose type may be new to this node.
func (s *Server) encode(m Message) (*delivery, error) {
	if err := checkSent("broadcast", "message", "Action", m); err != nil {
		return nil, err
	}
	if action := m.Action(); action == "" || isReserved(action) && !isLibraryType(reflect.TypeOf(m)) {
		return nil, fmt.Errorf("chanx: broadcast %T: action %q is empty or the library's own: rename it", m, action)
	}
	t, err := s.compileAny(reflect.TypeOf(m))
	if err != nil {
		return nil, fmt.Errorf("chanx: broadcast %T: %w", m, err)
	}
	return encodeDelivery(t, m.Action(), m, s.names.naming)
}
