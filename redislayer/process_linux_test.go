package redislayer_test

import (
	"os/exec"
	"syscall"
)

// dieWithTest makes the kernel kill a server when the test binary dies.
func dieWithTest(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
