// Package decode decodes and validates one message in the compared ways: with chanx, and as a Go program would without it.
// It has no connections; bench/serve compares servers.
package decode
