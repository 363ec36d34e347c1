// Package layer is the contract between a chanx server and the broker that connects it with other nodes.
//
// A [Layer] represents a broker. Each server opens one [Link] to it, and publishes and subscribes to subjects: strings
// of 1 to 255 bytes of valid UTF-8, one for each group, user and node. The layer does not look into the data.
//
// # The contract
//
// An implementation keeps these rules. Package layertest checks them.
//
//   - Order: every subscriber receives the publications of one link to one subject in the order of the calls of Publish.
//     One call comes after another if it began after the other had returned. Order between links or between subjects is
//     not defined.
//   - At most once: a publication arrives once or not at all. The layer never repeats one. If publications may have been
//     lost, the layer reports a Status with Gap.
//   - Subscribe, then publish: after Subscribe has returned nil, a publication that begins on any node arrives.
//   - Unsubscribe stops: a publication that begins after Unsubscribe has returned does not arrive. An earlier one still
//     may.
//   - Echo: a link may or may not receive its own publications. Receivers recognise and ignore them.
//   - Silence: a broker may stop answering while its connections stay open, for example when its process is stopped. The
//     layer reports it as lost within 10 seconds. Until then Publish need not fail, and Subscribe may block.
//   - Recovery: until Close, a link recovers from every loss of its connection, whatever the cause and however often.
//   - Other publishers: nothing that others publish, on any subject of the broker, breaks these rules.
//   - Concurrent subscriptions: several goroutines that subscribe to different subjects at once wait about as long as
//     one does. The implementation sends their requests together.
//   - Subjects that differ in one byte are different, whatever names the broker allows.
//   - Data: the caller may reuse data when Publish has returned. A receiver may keep the data it gets, but not modify it.
//   - Every method but Close may be called at any time from any number of goroutines.
package layer

import (
	"context"
	"errors"
)

// Layer is a broker, or the way to one.
type Layer interface {
	// Open attaches a node. It does not wait for the broker: if the broker cannot be reached, Status and the errors of
	// the link's methods report it. Receive and Status may be called before Open has returned.
	Open(Receiver) Link
}

// Receiver holds the functions that a link calls.
type Receiver struct {
	// Receive is called with each publication to a subscribed subject. Calls for one subject never overlap; calls for
	// different subjects may. It must neither block nor call the link's methods. Required.
	Receive func(subject string, data []byte)

	// Status is called when the link loses the broker and when it reaches it again. Calls never overlap. It must
	// neither block nor call the link's methods. Optional.
	Status func(Status)
}

// Status is the state of a link.
type Status struct {
	Up  bool  // the broker can be reached
	Gap bool  // publications may have been lost since the last status
	Err error // why the link is down, or, while it is up, the known cause of a gap; else nil
}

// Link is one node's connection to the broker.
type Link interface {
	// Publish hands data to the broker for every other link that has subscribed to the subject. It returns when the order
	// of this publication among the link's others to the subject is fixed, which may be before it has arrived. If it is lost
	// or refused afterwards, a Status with Gap reports that. If the broker cannot be reached, the error wraps
	// ErrUnavailable; after Close it is ErrClosed. The context bounds the wait.
	Publish(ctx context.Context, subject string, data []byte) error

	// Subscribe makes the receiver get the publications to a subject. Subscribing again changes nothing and is cheap, and
	// its error reports whether the broker can be reached. If it cannot, the error wraps ErrUnavailable. The context
	// bounds the wait. After any error but ErrClosed the link remembers the subscription: it takes effect as soon as
	// possible, and before Status reports that the broker is back.
	Subscribe(ctx context.Context, subject string) error

	// Unsubscribe ends a subscription. A subject without one is no error. The link forgets the subscription even if
	// Unsubscribe fails: it does not return with the broker. If the broker cannot be reached, the error wraps
	// ErrUnavailable.
	Unsubscribe(ctx context.Context, subject string) error

	// Close detaches the node and ends all its subscriptions. After it has returned, no call of Receive or Status begins.
	// It may be called once. Calls of other methods during or after Close return ErrClosed.
	Close(ctx context.Context) error
}

var (
	// ErrUnavailable is wrapped by the errors of a link that cannot reach its broker. The same call may succeed later.
	ErrUnavailable = errors.New("layer: broker unavailable")

	// ErrClosed is the error of a link's methods after Close.
	ErrClosed = errors.New("layer: link closed")
)
