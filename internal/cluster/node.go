package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// Node is one server's end of a channel layer. It publishes to other nodes, and passes on what they publish to subjects
// with members on this node. Its methods may be called concurrently.
type Node struct {
	ID            string
	Subscriptions *Subscriptions

	link layer.Link
	o    Options
}

// Options are those of Open. All but Signer and Linger are required. The functions may be called concurrently, and must not
// block.
type Options struct {
	ID     string        // unique among the nodes of the layer
	Signer *Signer       // nil: publications are not signed, and not verified
	Wait   time.Duration // for the layer to accept a publication, or the end of a subscription
	Linger time.Duration // for which a subject without members stays subscribed; zero: not at all
	Closed error         // what methods return once the node is closed

	// Receive gets the publications of other nodes, with the length of their data, which Payload and Frame keep in
	// memory.
	Receive func(subject string, p Publication, bytes int)

	// Refused gets the error about data that is not accepted, a *Refusal.
	Refused func(subject string, err error)

	// Status gets the states of the layer.
	Status func(layer.Status)

	// Failed gets the errors of unsubscriptions for which no caller waits.
	Failed func(err error)
}

// Open connects a node with a layer.
func Open(l layer.Layer, o Options) *Node {
	n := &Node{ID: o.ID, Subscriptions: newSubscriptions(o), o: o}
	n.link = l.Open(layer.Receiver{Receive: n.receive, Status: o.Status})
	n.Subscriptions.link = n.link
	return n
}

// receive handles data of the layer.
func (n *Node) receive(subject string, data []byte) {
	if !n.Subscriptions.IsWanted(subject) {
		return // the subscription lingers
	}
	p, err := Parse(data, n.o.Signer)
	if err == nil && !slices.ContainsFunc(p.Targets, func(t string) bool { return SubjectOf(t) == subject }) {
		err = &Refusal{Unreadable, "the subject is not that of one of its targets"}
	}
	switch {
	case err != nil:
		n.o.Refused(subject, err)
	case p.Node != n.ID: // else members of this node have received it
		n.o.Receive(subject, p, len(data))
	}
}

// buffers holds buffers for data to publish.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

const keepBuffer = 16 << 10

// Publish passes p to the layer, once for each subject that other nodes subscribe to for its targets. It waits for
// Options.Wait at most, and does not stop when ctx is cancelled.
func (n *Node) Publish(ctx context.Context, p *Publication) error {
	lazy := newLazyTimeout(context.WithoutCancel(ctx), n.o.Wait)
	defer lazy.stop()
	bp := buffers.Get().(*[]byte)
	defer func() {
		if cap(*bp) <= keepBuffer {
			buffers.Put(bp)
		}
	}()
	*bp = n.o.Signer.Append((*bp)[:0], p)
	var errs []error
	for subject := range p.Subjects() {
		err := n.link.Publish(lazy, subject, *bp)
		if errors.Is(err, layer.ErrClosed) {
			return n.o.Closed
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("chanx: publish %q to %q: %w", p.Action, subject, lazy.wrapError(err)))
		}
	}
	return errors.Join(errs...)
}

// Close ends all subscriptions and detaches the node from the layer. When it has returned, no call of Receive,
// Refused or Status begins.
func (n *Node) Close(ctx context.Context) error {
	n.Subscriptions.close()
	return n.link.Close(ctx)
}
