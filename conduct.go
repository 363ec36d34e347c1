package chanx

import (
	"time"

	"github.com/chanx-go/chanx/internal/socket"
)

// conduct is how a client behaves. Most have nothing to be held against them, and none.
type conduct struct {
	rate         bucket
	invalid      int
	invalidSince time.Time
}

func (c *Conn) record() *conduct {
	if c.conduct == nil {
		c.conduct = &conduct{}
	}
	return c.conduct
}

const invalidWindow = time.Minute

// countInvalid closes the connection when too many of its messages were invalid.
func (c *Conn) countInvalid() {
	b, now := c.record(), time.Now()
	if b.invalid == 0 || now.Sub(b.invalidSince) > invalidWindow {
		b.invalid, b.invalidSince = 0, now
	}
	if b.invalid++; b.invalid > c.mount.srv.limits.MaxInvalid {
		c.closeBecause(&CloseError{socket.ClosePolicy, "too many invalid messages"})
	}
}
