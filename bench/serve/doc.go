// Package serve has the compared servers. Each runs in a separate process, so that its processor time and memory can be
// measured. All handle two messages: "echo", which is answered to its sender, and "chat", which every connection receives.
// Server.Does describes what else they do with a message.
package serve
