// Package chat is the program that docs/design.md shows: chat.go as one consumer of many handlers, union.go as one
// handler of many messages. The transcripts of the root package's tests are conversations with it.
package chat
