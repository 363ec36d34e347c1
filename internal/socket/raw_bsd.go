//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package socket

import (
	"errors"
	"syscall"
)

// These systems have no stable system call numbers, and package syscall has no writev, so several chunks are copied
// into one buffer.
type iovecs struct{}

func sysRead(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	return again(func() (int, error) { return syscall.Read(int(fd), p) })
}

func sysWrite(fd uintptr, p []byte) (n int, errno syscall.Errno) {
	return again(func() (int, error) { return syscall.Write(int(fd), p) })
}

func (v *vec) sysWritev(fd uintptr) (n int, errno syscall.Errno) {
	if v.n == 0 || len(v.bufs[0]) >= bufSize {
		return sysWrite(fd, v.bufs[0])
	}
	bp := takeBuffer()
	defer giveBuffer(bp)
	for _, b := range v.bufs[:v.n] {
		n += copy((*bp)[n:], b)
	}
	return sysWrite(fd, (*bp)[:n])
}

func again(call func() (int, error)) (n int, errno syscall.Errno) {
	for {
		n, err := call()
		if errno = 0; err != nil && !errors.As(err, &errno) {
			errno = syscall.EIO
		}
		if errno != syscall.EINTR {
			return max(n, 0), errno
		}
	}
}
