// Package proxies tests the reverse proxy configurations in docs/scaling.md with two nodes that are replaced one after the
// other. It has only tests.
//
// The tests read the configuration from the document and replace only what differs on every machine: the address on which the
// proxy listens, the addresses of the two nodes, and the paths of the certificate and its key.
//
// Without nginx the test is skipped, and fails if CI is set; make test installs nginx where it can.
package proxies
