// Package layer is the contract between a chanx server and the broker that connects it with other nodes.
//
// A [Layer] stands for a broker. Each server opens one [Link] to it and speaks in subjects: strings of 1 to 255
// bytes of valid UTF-8 that name who is meant (a group, a user, a node). What travels is opaque data.
//
// # The contract
//
// An implementation keeps these rules; layertest checks them:
//
//   - Order: what one link publishes to one subject arrives at every subscriber in the order of the calls, where a
//     call comes after another if it began when the other had returned. Order between links or between subjects is
//     not defined.
//   - At most once: a publication arrives once or not at all. If publications may have been lost, the layer says so
//     by a status with Gap set; it never repeats them.
//   - Subscribe, then publish: a publication that begins, on any node, after Subscribe has returned without an error
//     arrives.
//   - Unsubscribe stops: a publication that begins after Unsubscribe has returned does not arrive. What began before may
//     still.
//   - Echo: a link may or may not receive its own publications. Receivers recognise and ignore them.
//   - A broker that is silent, as when its process is stopped but its connections stay open, is told as lost within 10 seconds.
//     Until then Publish need not have an error, and Subscribe may wait.
//   - A link comes back after every loss of its connection, whatever closed it and however often, until Close.
//   - What others publish, on whatever subject of the broker, breaks none of these rules.
//   - Subscribe of several subjects from several goroutines takes about as long as one: an implementation asks for them together.
//   - Subjects that differ in one byte are different, whatever the broker allows in its own names.
//   - Data belongs to the caller again when Publish returns; data given to a receiver may be kept but not modified.
//   - Every method but Close may be called at any time from any number of goroutines.
package layer

import (
	"context"
	"errors"
)

// Layer is a broker, or the way to one.
type Layer interface {
	// Open attaches a node. It does not wait for the broker: that it cannot be reached is told by Status and by the
	// errors of the link's methods. Receive and Status of the receiver may be called before Open has returned.
	Open(Receiver) Link
}

// Receiver is what a node gives to its link.
type Receiver struct {
	// Receive is called with each publication to a subscribed subject. Calls for one subject never overlap; calls for
	// different subjects may. It must neither block nor call the link's methods. Required.
	Receive func(subject string, data []byte)

	// Status is called when the link loses the broker and when it has it back, never twice at once. It must not
	// block nor call the link's methods. Nil is fine.
	Status func(Status)
}

// Status tells of the link to the broker.
type Status struct {
	Up  bool  // whether the broker can be reached
	Gap bool  // publications may have been lost since the last status
	Err error // why the link is down, or what is known of a gap while it is up; else nil
}

// Link is one node's connection to the broker.
type Link interface {
	// Publish hands data to the broker for every other link that has subscribed to the subject. It returns when the
	// order among this link's publications to the subject is settled, not when they have arrived: what is lost or refused
	// afterwards is told by a Status with Gap. With the broker out of reach the error wraps ErrUnavailable, after Close it is
	// ErrClosed; the context bounds the wait.
	Publish(ctx context.Context, subject string, data []byte) error

	// Subscribe starts the flow of a subject's publications to the receiver. To subscribe again changes nothing and costs
	// little; the error tells whether the broker can be reached. If it is out of reach, the error wraps ErrUnavailable. The
	// context bounds the wait. After any error but ErrClosed the subscription is remembered: it takes effect as soon as it
	// can, and before Status tells that the broker is back.
	Subscribe(ctx context.Context, subject string) error

	// Unsubscribe ends it. A subject that was not subscribed is no error. After an error, which wraps ErrUnavailable if the
	// broker is out of reach, the subscription is forgotten all the same: it does not come back with the broker.
	Unsubscribe(ctx context.Context, subject string) error

	// Close detaches the node: it ends all subscriptions, and no call of Receive or Status begins after it returned.
	// It may be called once; a call of another method at the same time or later gives ErrClosed.
	Close(ctx context.Context) error
}

var (
	// ErrUnavailable is wrapped by the errors of a link that cannot reach its broker. The same call may succeed later.
	ErrUnavailable = errors.New("layer: broker unavailable")

	// ErrClosed is the error of a link's methods after Close.
	ErrClosed = errors.New("layer: link closed")
)
