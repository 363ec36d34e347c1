//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: it needs Linux: the load is an epoll loop, and the processor time of servers is read from Linux")
	os.Exit(1)
}
