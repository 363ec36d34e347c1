// Package serve has the servers that are compared, each to be run in a process of its own, so that its processor time and
// memory are its own. All of them know two messages: "echo", which is answered to its sender, and "chat", which every
// connection receives. How much else they do with them is in their Does.
package serve
