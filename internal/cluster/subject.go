package cluster

import (
	"iter"
	"slices"
	"strings"
)

// Targets that are no name. A target is also the subject of the hub that it reaches.
const (
	Everyone  = "a/" // all connections
	EveryNode = "s/" // the servers that handle events themselves
)

// GroupSubject is the target of a group's members.
func GroupSubject(name string) string { return "g/" + name }

// UserSubject is the target of a user's connections.
func UserSubject(id string) string { return "u/" + id }

// ConnSubject is the target of one connection.
func ConnSubject(id string) string { return "c/" + id }

// NodeSubject is the subject through which a node's connections are reached.
func NodeSubject(node string) string { return "n/" + node }

// SubjectOf returns the subject through which other nodes reach a target. A connection is reached through its node.
func SubjectOf(target string) string {
	id, isConn := strings.CutPrefix(target, ConnSubject(""))
	if !isConn {
		return target
	}
	node, _, _ := strings.Cut(id, ".")
	return NodeSubject(node)
}

// shortName is a subject as error texts name it: a group by its name alone.
func shortName(subject string) string { return strings.TrimPrefix(subject, GroupSubject("")) }

// Subjects yields each subject that p is published to, once: those of its targets, without that of its own node.
func (p *Publication) Subjects() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, target := range p.Targets {
			subject := SubjectOf(target)
			isSame := func(t string) bool { return SubjectOf(t) == subject }
			if subject == NodeSubject(p.Node) || slices.ContainsFunc(p.Targets[:i], isSame) {
				continue
			}
			if !yield(subject) {
				return
			}
		}
	}
}

// Audience is who targets reach, by name.
type Audience struct {
	Groups, Users, Conns []string
	All, Nodes           bool
}

// Audience returns who p's targets reach.
func (p *Publication) Audience() (a Audience) {
	for _, target := range p.Targets {
		if target == Everyone {
			a.All = true
		} else if target == EveryNode {
			a.Nodes = true
		} else if name, ok := strings.CutPrefix(target, GroupSubject("")); ok {
			a.Groups = append(a.Groups, name)
		} else if id, ok := strings.CutPrefix(target, UserSubject("")); ok {
			a.Users = append(a.Users, id)
		} else if id, ok := strings.CutPrefix(target, ConnSubject("")); ok {
			a.Conns = append(a.Conns, id)
		}
	}
	return a
}
