package redislayer_test

import (
	"os/exec"
	"syscall"
)

// dieWithTest ends a server when the test binary dies without having ended it.
func dieWithTest(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
