package faultlayer

import (
	"sync"

	"github.com/chanx-go/chanx/layer"
)

// Cable is the connection of one node to the layer. It can be cut.
type Cable struct {
	layer *Layer

	mu sync.Mutex
	no int
}

// Cable returns a layer for one node: one link may be opened on it.
func (l *Layer) Cable() *Cable { return &Cable{layer: l} }

// Open attaches the node.
func (c *Cable) Open(r layer.Receiver) layer.Link {
	k := c.layer.open(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.no = k.no
	return k
}

// Down calls Layer.Down for the node's link.
func (c *Cable) Down(cause error) { c.layer.Down(c.link(), cause) }

// Up calls Layer.Up for the node's link.
func (c *Cable) Up() { c.layer.Up(c.link()) }

// Freeze calls Layer.Freeze for the node's link.
func (c *Cable) Freeze() { c.layer.Freeze(c.link()) }

func (c *Cable) link() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.no
}
