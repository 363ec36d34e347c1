// Package load simulates many clients of a WebSocket server at a small cost, so that measurements show the server: one
// thread, one epoll loop, raw sockets, frames that are built once. Every reply is compared with the expected text. It needs
// Linux.
package load
