package chanx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/schema"
)

// receive takes a publication of another node: its copy for a subject goes to the targets that are published by it.
func (s *Server) receive(subject string, data []byte) {
	if !s.subscriptions.isWanted(subject) {
		return // it lingers
	}
	p, err := parsePublication(data)
	if err == nil && !slices.ContainsFunc(p.targets, func(t string) bool { return published(t) == subject }) {
		err = errors.New("chanx: read layer data: the subject is not that of one of its targets")
	}
	if err == nil && p.node == s.node {
		return // members here have had it
	}
	d := &delivery{
		kind: p.kind, raw: p.raw, action: p.action, plain: p.payload, plainFrame: p.frame, wire: len(data),
		fromConn: p.conn, fromUser: p.user, exceptSelf: p.exceptSelf, headers: p.headers,
	}
	if err == nil && d.kind == kindMessage {
		err = s.respell(d)
	}
	if err != nil {
		s.logger.Error("chanx: layer data refused", "subject", subject, "error", err)
		s.countDrop(nil, "layer data that cannot be read", 1)
		return
	}
	if p.kind == kindJoin || p.kind == kindLeave {
		s.obeyRegroup(&p, subject)
		return
	}
	for k, target := range p.targets {
		if published(target) == subject {
			s.missed(d, s.hub.DeliverMatch(d, p.targets, k))
		}
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
			return fmt.Errorf("chanx: read layer data: %w", err)
		}
		d.spell(out.codec, payload, frame)
	}
	return nil
}

// status logs what the layer says of itself. How much was lost in a gap, nobody knows: the gap itself is counted.
func (s *Server) status(st layer.Status) {
	if st.Gap {
		s.countDrop(nil, "gap of the channel layer", 1)
	}
	level := slog.LevelInfo
	if !st.Up || st.Gap {
		level = slog.LevelWarn
	}
	s.logger.Log(context.Background(), level, "chanx: channel layer", "up", st.Up, "gap", st.Gap, "error", st.Err)
}
