//go:build unix && !linux

package main

import "syscall"

// isolate shields a process from the terminal's signals, so that this program controls its end.
func isolate() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
