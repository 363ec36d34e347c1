// Package decode reads and checks one message in the ways that are compared: with chanx, and with what a Go program
// would use without it. There are no connections; bench/serve compares servers.
package decode
