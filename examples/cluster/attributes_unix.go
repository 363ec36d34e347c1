//go:build unix && !linux

package main

import "syscall"

// apart keeps a process from the signals of the terminal, so that it ends when it is told to.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
