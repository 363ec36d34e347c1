// Package peer is a WebSocket client that may behave badly on purpose: it sends its messages in random fragments and pieces,
// vanishes with a reset or in the middle of a frame, or closes only its half of the connection. What it reads it checks
// against RFC 6455 and RFC 7692. It shares no code with the server. It needs Linux.
package peer
