package chanx

import (
	"testing"
	"unsafe"
)

// TestConnFitsItsSizeClass fails if a new field moves Conn to the allocator's next size class: each connection would then
// take 32 bytes more. See sizeclasses.go of the Go runtime.
func TestConnFitsItsSizeClass(t *testing.T) {
	const class = 320 // bytes, on 64-bit systems
	if size := unsafe.Sizeof(Conn{}); size > class {
		t.Errorf("a Conn has %d bytes, more than its size class of %d", size, class)
	}
}
