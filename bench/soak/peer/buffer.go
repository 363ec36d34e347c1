//go:build linux

package peer

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// readBuffer returns what sets the kernel's buffer of a socket that is not connected yet.
func readBuffer(n int) func(string, string, syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error {
		if n == 0 {
			return nil
		}
		var err error
		failed := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, n) })
		return errors.Join(failed, os.NewSyscallError("setsockopt", err))
	}
}
