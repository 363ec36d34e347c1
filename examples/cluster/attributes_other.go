//go:build !unix

package main

import "syscall"

// isolate does nothing on this system.
func isolate() *syscall.SysProcAttr { return nil }
