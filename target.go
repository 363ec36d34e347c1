package chanx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/chanx-go/chanx/internal/cluster"
)

// fewNames is the number of names up to which comparing all pairs is faster than a map.
const fewNames = 32

// distinct removes duplicates and keeps the order. Its time grows linearly with the number of names.
func distinct(names []string) (all []string) {
	if len(names) < 2 {
		return names
	}
	known := func(name string) bool { return slices.Contains(all, name) }
	if len(names) > fewNames {
		seen := make(map[string]bool, len(names))
		known = func(name string) bool {
			was := seen[name]
			seen[name] = true
			return was
		}
	}
	for _, name := range names {
		if !known(name) {
			all = append(all, name)
		}
	}
	return all
}

// A Target selects the receivers of a broadcast, an event or a command: To, ToUser, ToConn, All or Local; for an event
// also Nodes. A receiver that matches several targets receives one copy. Between nodes one copy is sent for each
// target: a connection of another node that joins or leaves one of several targets at that moment may receive none, or
// two.
type Target interface {
	BroadcastOption
	applyTarget(*recipients)
}

// A BroadcastOption is an option of Conn.Broadcast: a Target or ExceptSelf.
type BroadcastOption interface{ applyBroadcast(*recipients) }

// recipients is the result of targets and options.
type recipients struct {
	explicit   bool
	subjects   []string // on every node
	local      []string // on this node
	nodes      bool     // the servers themselves
	err        error
	exceptSelf bool
}

// here returns the subjects of the recipients on this node.
func (r *recipients) here() []string {
	if len(r.local) == 0 {
		return r.subjects
	}
	return distinct(slices.Concat(r.subjects, r.local))
}

// target adds subjects to recipients, or an error.
type target struct {
	subjects []string
	local    bool
	nodes    bool
	err      error
}

func newTarget(what string, names []string, subject func(string) string) target {
	names = distinct(names)
	t := target{subjects: make([]string, len(names)), err: checkNames(what, names)}
	for i, name := range names {
		t.subjects[i] = subject(name)
	}
	return t
}

func (t target) applyBroadcast(r *recipients) { t.applyTarget(r) }

func (t target) applyTarget(r *recipients) {
	r.explicit = true
	r.err = errors.Join(r.err, t.err)
	r.nodes = r.nodes || t.nodes
	to := &r.subjects
	if t.local {
		to = &r.local
	}
	if len(*to) == 0 {
		*to = slices.Clip(t.subjects) // targets may be kept and given to many calls at once
		return
	}
	*to = distinct(append(*to, t.subjects...))
}

// To selects the members of groups, whether or not the sender is one. Without any group it selects no one.
func To(groups ...string) Target { return newTarget("group name", groups, cluster.GroupSubject) }

// ToUser selects all connections of users, by Identity.UserID, on every node. An empty id is an error of the call that
// the target is passed to, because it would mean all anonymous connections.
func ToUser(ids ...string) Target { return newTarget("user id", ids, cluster.UserSubject) }

// ToConn selects connections by Conn.ID, on any node. The id of a connection that has ended selects nothing.
func ToConn(ids ...string) Target { return newTarget("connection id", ids, cluster.ConnSubject) }

// All selects every connection on every node.
func All() Target { return target{subjects: []string{cluster.Everyone}} }

// Local selects connections of this node only: all of them, or with names the members of groups. Nothing is published.
// It suits messages that every node sends to its own connections, such as a countdown. Together with other targets it
// adds connections of this node, and a connection that matches several targets receives one copy.
//
// Local(names...) with an empty slice selects no one, but with a nil slice it is Local().
func Local(groups ...string) Target {
	if groups == nil {
		return target{subjects: []string{cluster.Everyone}, local: true}
	}
	t := newTarget("group name", groups, cluster.GroupSubject)
	t.local = true
	return t
}

type exceptSelf struct{}

// ExceptSelf excludes the sending connection.
func ExceptSelf() BroadcastOption { return exceptSelf{} }

func (exceptSelf) applyBroadcast(r *recipients) { r.exceptSelf = true }

// errNodes returns an error if Nodes is a target. It is called for everything but events.
func (r *recipients) errNodes(verb string) error {
	if !r.nodes {
		return nil
	}
	return fmt.Errorf("chanx: %s: Nodes() is a target of Emit only: servers handle events", verb)
}

// remoteTargets returns the targets that are published to other nodes.
func (r *recipients) remoteTargets() []string {
	if !r.nodes {
		return r.subjects
	}
	return append(slices.Clip(r.subjects), cluster.EveryNode)
}

var errNilTarget = errors.New("chanx: target: it is nil: leave it out")

func targets(all []Target) (r recipients) {
	for _, t := range all {
		if t == nil {
			r.err = errNilTarget
			continue
		}
		t.applyTarget(&r)
	}
	return r
}
