//go:build !linux

package socket

import "time"

// setUserTimeout does nothing. A silent peer is noticed when the local system stops retransmitting, which takes
// minutes.
func setUserTimeout(uintptr, time.Duration) {}
