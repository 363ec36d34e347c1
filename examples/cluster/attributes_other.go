//go:build !unix

package main

import "syscall"

// apart has no means here.
func apart() *syscall.SysProcAttr { return nil }
