//go:build !linux

package socket

import "time"

// setUserTimeout does nothing: a peer whose system is silent is noticed when the own system stops sending again, which
// takes minutes.
func setUserTimeout(uintptr, time.Duration) {}
