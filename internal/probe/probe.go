// Package probe is how package chanxtest learns what the consumer at the other end of a connection declares, and tells it
// who connects. A [Probe] rides on the context of the request that opens the connection, so it gets through any router
// and middleware; no request from the network can carry one.
//
// It also has [ReadPublication], by which chanxtest reads what servers publish.
package probe

import (
	"context"
	"reflect"

	"github.com/chanx-go/chanx/schema"
)

// Probe is made by a test and filled by the consumer before it answers the handshake. It must not be used by both at the
// same time.
type Probe struct {
	// Identity takes the place of what the consumer's Authenticator finds: a *chanx.Identity, or nil.
	Identity any

	// Consumer is set by the consumer.
	Consumer *Consumer
}

// Consumer is what a test needs to know of a consumer on a server.
type Consumer struct {
	Discriminator string
	Naming        schema.Naming
	Types         *schema.Compiler // that knows the unions
	Completions   bool
	Authenticates bool

	// Outgoing finds the type that is declared for an action; it is nil if there is none. A group type is declared with
	// Broadcasts.
	Outgoing func(action string) (t reflect.Type, group bool)
}

type key struct{}

// With returns a context that carries a probe.
func With(ctx context.Context, p *Probe) context.Context { return context.WithValue(ctx, key{}, p) }

// From returns the probe of a context, or nil.
func From(ctx context.Context) *Probe {
	p, _ := ctx.Value(key{}).(*Probe)
	return p
}
