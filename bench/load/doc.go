// Package load plays many clients of a WebSocket server at a small cost of its own, so that what is measured is the
// server: one thread, one epoll loop, raw sockets, frames that are built once. Every reply is compared with the text
// that it must be. It needs Linux.
package load
