package socket

import (
	"math"
	"syscall"
	"time"
	"unsafe"
)

// tcpUserTimeout is TCP_USER_TIMEOUT (RFC 5482; tcp(7)), which package syscall lacks.
const tcpUserTimeout = 18

// setUserTimeout makes the system fail a connection with ETIMEDOUT if bytes stay unacknowledged for d; 0 is the
// system's default.
func setUserTimeout(fd uintptr, d time.Duration) {
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(min(d.Milliseconds(), math.MaxInt32))) // fails if it is not TCP
}

type iovecs = [vecMax]syscall.Iovec

// The sockets are non-blocking, so raw system calls are safe: they skip the scheduler's bookkeeping, which costs more
// than the shortest of these calls.

func sysRead(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	return raw(syscall.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p))
}

func sysWrite(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	return raw(syscall.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p))
}

func (v *vec) sysWritev(fd uintptr) (n int, errno syscall.Errno) {
	for i, b := range v.bufs[:v.n] {
		v.iov[i].Base = unsafe.SliceData(b)
		v.iov[i].SetLen(len(b))
	}
	n, errno = raw(syscall.SYS_WRITEV, fd, unsafe.Pointer(&v.iov), v.n)
	clear(v.iov[:v.n])
	return n, errno
}

func raw(trap, fd uintptr, p unsafe.Pointer, n int) (int, syscall.Errno) {
	for {
		r, _, errno := syscall.RawSyscall(trap, fd, uintptr(p), uintptr(n))
		if errno != syscall.EINTR {
			return int(r), errno
		}
	}
}
