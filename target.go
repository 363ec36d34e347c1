package chanx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// fewNames is how many are compared with each other faster than they are put into a map.
const fewNames = 32

// distinct leaves out what has come before. It takes no more time for each of many names than for one of few.
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

// What hub and layer call those who are meant. A connection is published to by its node.
const (
	everyone  = "a/"
	everyNode = "s/" // the servers that have an OnNode
)

func groupSubject(name string) string { return "g/" + name }
func userSubject(id string) string    { return "u/" + id }
func connSubject(id string) string    { return "c/" + id }
func nodeSubject(node string) string  { return "n/" + node }

// published is the subject by which other nodes hear of a target.
func subjectOf(target string) string {
	id, isConn := strings.CutPrefix(target, connSubject(""))
	if !isConn {
		return target
	}
	node, _, _ := strings.Cut(id, ".")
	return nodeSubject(node)
}

// A Target says who is to receive a broadcast, an event or a command: To, ToUser, ToConn, All or Local; of an
// event also Nodes. Who matches several
// targets gets one copy. Between nodes a copy travels for each target: a connection of another node that joins or leaves
// one of several targets in this moment may get none, or two.
type Target interface {
	BroadcastOption
	applyTarget(*recipients)
}

// A BroadcastOption is an option of Conn.Broadcast: a Target or ExceptSelf.
type BroadcastOption interface{ applyBroadcast(*recipients) }

// recipients are what targets and options come to.
type recipients struct {
	explicit   bool
	subjects   []string // on every node
	local      []string // on this node
	nodes      bool     // the servers themselves
	err        error
	exceptSelf bool
}

// here is whom the recipients are among the connections of this node.
func (r *recipients) here() []string {
	if len(r.local) == 0 {
		return r.subjects
	}
	return distinct(slices.Concat(r.subjects, r.local))
}

// target adds subjects to recipients, or says what is wrong with them.
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

// To is the members of groups, whether or not the sender is one. Without any group it is nobody.
func To(groups ...string) Target { return newTarget("group name", groups, groupSubject) }

// ToUser is all connections of users, by Identity.UserID, on every node. An empty id is an error of the call that the
// target is given to: it would mean everybody who is anonymous.
func ToUser(ids ...string) Target { return newTarget("user id", ids, userSubject) }

// ToConn is connections, by Conn.ID, on whatever node they are. One that has ended is nobody.
func ToConn(ids ...string) Target { return newTarget("connection id", ids, connSubject) }

// All is every connection of every node.
func All() Target { return target{subjects: []string{everyone}} }

// Local is connections of this node only: all of them, or with names the members of groups. Nothing is published. It is
// for what every node tells its own connections, such as a countdown. Beside other targets it adds the connections of
// this node that these do not mean, and whoever matches several gets one copy.
//
// Local(names...) with an empty slice is nobody, but with a nil slice it is Local().
func Local(groups ...string) Target {
	if groups == nil {
		return target{subjects: []string{everyone}, local: true}
	}
	t := newTarget("group name", groups, groupSubject)
	t.local = true
	return t
}

type exceptSelf struct{}

// ExceptSelf leaves out the sending connection.
func ExceptSelf() BroadcastOption { return exceptSelf{} }

func (exceptSelf) applyBroadcast(r *recipients) { r.exceptSelf = true }

// errNodes is about anything but an event.
func (r *recipients) errNodes(verb string) error {
	if !r.nodes {
		return nil
	}
	return fmt.Errorf("chanx: %s: Nodes() is a target of Emit only: servers handle events", verb)
}

// published are the targets that other nodes hear of.
func (r *recipients) remoteTargets() []string {
	if !r.nodes {
		return r.subjects
	}
	return append(slices.Clip(r.subjects), everyNode)
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
