// Package proxies runs reverse proxies with the configurations that docs/scaling.md shows, in front of two nodes that are
// replaced one after the other. It consists of tests.
//
// The tests read the configuration from the document. They replace only what differs on every machine: the address on which
// the proxy listens, the addresses of the two nodes, and the paths of the certificate and its key.
//
// Without nginx the test is skipped, and fails if CI is set; make test installs nginx where it can.
package proxies
