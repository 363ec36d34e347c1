package socket

import (
	"syscall"
	"unsafe"
)

type iovecs = [vecMax]syscall.Iovec

// The sockets are non-blocking: the scheduler need not be told of these calls, which costs more than the shortest of
// them.

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
