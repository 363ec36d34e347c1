//go:build !unix || aix || solaris || illumos

package socket

import "errors"

type iovecs struct{}

// initRaw does nothing: every connection uses blocking calls.
func (c *Conn) initRaw() {}

func (v *vec) sys(uintptr) (int, error) { return 0, errors.ErrUnsupported }
