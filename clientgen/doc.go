// Package clientgen reads a document of package asyncapi as a contract, from which clients are written: what a client
// gives to connect, what it may send, what answers it, and what comes unasked.
//
// A document may come from anywhere, so nothing in it is trusted. Read returns a contract or an error for any input. Its
// size, its nesting and its number of values are bounded, and each reference leads to something. In a generated file, each
// text is quoted, each name becomes an identifier that is free, and no comment ends before its end.
//
//	c, err := clientgen.Read(document)
//	files, err := clientgen.TypeScript(c, &clientgen.TypeScriptOptions{Source: "chat.json"})
//
// All functions are pure: the same document gives the same contract and the same files.
package clientgen
