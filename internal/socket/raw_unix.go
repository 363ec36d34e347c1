//go:build unix && !aix && !solaris && !illumos

package socket

import (
	"net"
	"syscall"
)

// initRaw selects raw reads and writes for a bare TCP connection.
func (c *Conn) initRaw() {
	tc, ok := c.nc.(*net.TCPConn)
	if !ok {
		return
	}
	if rc, err := tc.SyscallConn(); err == nil {
		c.rc, c.readFunc = rc, c.tryRead
	}
}

// tryRead is called by RawConn.Read. It returns false to wait for bytes, and holds no buffer while waiting.
func (c *Conn) tryRead(fd uintptr) bool {
	buf, dst := c.readTarget()
	n, errno := sysRead(fd, dst)
	if errno == syscall.EAGAIN {
		giveBuffer(buf)
		return false
	}
	c.result = readResult{buf: buf, n: n}
	if errno != 0 {
		c.result.n, c.result.err = 0, errno
	}
	return true
}

// sys writes as much as the kernel accepts now.
func (v *vec) sys(fd uintptr) (n int, err error) {
	var errno syscall.Errno
	if v.n == 1 {
		n, errno = sysWrite(fd, v.bufs[0])
	} else {
		n, errno = v.sysWritev(fd)
	}
	switch errno {
	case 0:
		return n, nil
	case syscall.EAGAIN:
		return 0, nil
	}
	return 0, errno
}
