//go:build !linux

package redislayer_test

import "os/exec"

// dieWithTest has no means here: a server outlives a test binary that is killed.
func dieWithTest(*exec.Cmd) {}
