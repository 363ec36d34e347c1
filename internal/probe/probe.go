// Package probe lets chanxtest learn what the consumer at the other end of a connection declares, and set the identity
// that connects. A [Probe] is carried by the context of the request that opens the connection. So it passes through any
// router and middleware, and no request from the network can carry one.
package probe

import (
	"context"
	"reflect"

	"github.com/chanx-go/chanx/schema"
)

// Probe is created by a test and filled by the consumer before it answers the handshake. The test and the consumer must
// not use it at the same time.
type Probe struct {
	// Identity replaces the result of the consumer's Authenticator: a *chanx.Identity, or nil.
	Identity any

	// Consumer is set by the consumer.
	Consumer *Consumer
}

// Consumer describes a consumer on a server.
type Consumer struct {
	Discriminator string
	Naming        schema.Naming
	Types         *schema.Compiler // with the consumer's unions
	Completions   bool
	Authenticates bool

	// Outgoing returns the type declared for an action, or nil. group reports whether it was declared with Broadcasts.
	Outgoing func(action string) (t reflect.Type, group bool)
}

type key struct{}

// With returns a context that carries p.
func With(ctx context.Context, p *Probe) context.Context { return context.WithValue(ctx, key{}, p) }

// From returns the probe in ctx, or nil.
func From(ctx context.Context) *Probe {
	p, _ := ctx.Value(key{}).(*Probe)
	return p
}

// Compile describes a type.
type Compile func(reflect.Type) (*schema.Type, error)

// Layer is a layer that decodes what servers publish. NewServer passes it the server's way to describe types.
type Layer interface{ UseTypes(of Compile) }
