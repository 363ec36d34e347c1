package main

import "syscall"

// isolate shields a process from the terminal's signals, so that this program controls its end, and kills it with this process.
func isolate() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
