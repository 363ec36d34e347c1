package chanx

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/chanx-go/chanx/internal/probe"
)

// authenticator returns the consumer's Authenticator. A request of package chanxtest carries a probe: it is filled with
// the consumer's declarations, and may contain the identity to use.
func (m *mount) authenticator(r *http.Request) Authenticator {
	p := probe.From(r.Context())
	if p == nil {
		return m.opts.Authenticator
	}
	p.Consumer = &probe.Consumer{
		Discriminator: m.names.discriminator, Naming: m.names.naming, Types: m.compiler,
		Completions: m.completions, Authenticates: m.opts.Authenticator != nil, Outgoing: m.outgoingType,
	}
	if id, ok := p.Identity.(*Identity); ok && m.opts.Authenticator != nil {
		return AuthenticatorFunc(func(*http.Request) (Identity, error) { return *id, nil })
	}
	return m.opts.Authenticator
}

func (m *mount) outgoingType(action string) (t reflect.Type, group bool) {
	if out := m.actions[action]; out != nil {
		return out.typ.GoType(), out.group
	}
	return nil, false
}

func init() { probe.ReadPublication = readPublication }

// readPublication decodes layer data for package chanxtest, whether signed or not.
func readPublication(subject string, data []byte) (*probe.Publication, error) {
	p, err := parsePublication(data, nil)
	isFirst := func(t string) bool { return subjectOf(t) != nodeSubject(p.node) }
	i := slices.IndexFunc(p.targets, isFirst)
	if err != nil || i < 0 || subjectOf(p.targets[i]) != subject || p.kind != kindMessage && p.kind != kindEvent {
		return nil, err
	}
	out := &probe.Publication{
		IsEvent: p.kind == kindEvent, Action: p.action, Payload: p.payload, Frame: p.frame,
		FromConn: p.conn, FromUser: p.user, ExceptSelf: p.exceptSelf,
	}
	for _, t := range p.targets {
		addTarget(out, t)
	}
	return out, nil
}

func addTarget(p *probe.Publication, target string) {
	if target == everyone {
		p.All = true
	} else if target == everyNode {
		p.Nodes = true
	} else if name, ok := strings.CutPrefix(target, groupSubject("")); ok {
		p.Groups = append(p.Groups, name)
	} else if id, ok := strings.CutPrefix(target, userSubject("")); ok {
		p.Users = append(p.Users, id)
	} else if id, ok := strings.CutPrefix(target, connSubject("")); ok {
		p.Conns = append(p.Conns, id)
	}
}
