package chanx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/chanx-go/chanx/internal/throttle"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/schema"
)

// receive takes a publication of another node: its copy for a subject goes to the targets that are published by it.
func (s *Server) receive(subject string, data []byte) {
	if !s.subscriptions.isWanted(subject) {
		return // it lingers
	}
	p, err := parsePublication(data, s.auth)
	if err == nil && !slices.ContainsFunc(p.targets, func(t string) bool { return published(t) == subject }) {
		err = &layerError{dropUnreadable, "the subject is not that of one of its targets"}
	}
	if err == nil && p.node == s.node {
		return // members here have had it
	}
	d := &delivery{
		kind: p.kind, raw: p.raw, action: p.action, typ: s.knownType(&p), plain: p.payload, plainFrame: p.frame, wire: len(data),
		fromConn: p.conn, fromUser: p.user, exceptSelf: p.exceptSelf, headers: p.headers,
	}
	var groups []string
	if err == nil {
		groups, err = s.understand(d)
	}
	if err != nil {
		s.refuseData(subject, err)
		return
	}
	if p.kind == kindJoin || p.kind == kindLeave {
		s.obeyRegroup(&p, groups, subject)
		return
	}
	for k, target := range p.targets {
		switch {
		case published(target) != subject:
		case target == everyNode && d.kind == kindEvent:
			s.nodes.push(context.Background(), d, false)
		default:
			s.missed(d, s.hub.DeliverMatch(d, p.targets, k))
		}
	}
}

// knownType returns the type of another node's message if a consumer here declares it, and zero if none does: a type may
// have another name in another release, and then the message goes to all whose consumers declare the action.
func (s *Server) knownType(p *publication) typeID {
	if p.typ == 0 {
		return 0
	}
	for _, m := range s.mounted() {
		if out := m.actions[p.action]; out != nil && out.id == p.typ && out.group {
			return p.typ
		}
	}
	return 0
}

// understand reads the payload as far as the node itself must: it spells messages, and returns the groups of a join or
// leave.
func (s *Server) understand(d *delivery) (groups []string, err error) {
	switch d.kind {
	case kindMessage:
		err = s.respell(d)
	case kindClose:
		_, err = readClose(d.plain)
	case kindJoin, kindLeave:
		groups, err = readGroups(d.plain)
	}
	if err != nil {
		return nil, fmt.Errorf("chanx: read layer data: %w", err)
	}
	return groups, nil
}

// refuseData counts and logs layer data that is not obeyed.
func (s *Server) refuseData(subject string, err error) {
	what := dropUnreadable
	if r, is := errors.AsType[*layerError](err); is {
		what = r.what
	}
	s.countDrop(nil, what, 1)
	kind := throttle.Kind{Text: "chanx: layer data refused", Detail: what, Counted: true}
	if !s.lines.Skip(kind, 1) {
		s.lines.Log(context.Background(), slog.LevelError, kind, 1, "what", what, "subject", subject, "error", err)
	}
}

// respell spells another node's group message as this server does: for each consumer as its type of that action is spelt.
func (s *Server) respell(d *delivery) error {
	if d.raw || s.names.naming == schema.AsDeclared {
		d.spell(nil, d.plain, d.plainFrame)
		return nil
	}
	for _, m := range s.mounted() {
		out := m.actions[d.action]
		if out == nil || d.spelt(out.codec) != nil {
			continue
		}
		payload, frame, err := out.respell(d.plain, d.plainFrame)
		if err != nil {
			return err
		}
		d.spell(out.codec, payload, frame)
	}
	return nil
}

// status logs what the layer says of itself. How much was lost in a gap, nobody knows: the gap itself is counted.
func (s *Server) status(st layer.Status) {
	if st.Gap {
		s.countDrop(nil, dropGaps, 1)
	}
	level := slog.LevelInfo
	if !st.Up || st.Gap {
		level = slog.LevelWarn
	}
	s.logThrottled(level, "chanx: channel layer", fmt.Sprint(st.Up, st.Gap), "up", st.Up, "gap", st.Gap, "error", st.Err)
}
