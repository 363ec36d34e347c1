//go:build linux

// The soakcluster command runs clients and servers of a cluster while it kills and restarts brokers and nodes in turn, and
// compares what every connection received with what was sent. Each broker and each node is a process; the clients run in this
// one.
//
// It fails in these cases:
//
//   - A connection got messages or events of one sender to one target out of order, or one of them twice.
//   - A connection missed one although it stayed open, its node and the sender's were up without a gap, and neither was killed.
//   - A member on the sender's node missed one.
//   - A call failed with another error than layer.ErrUnavailable, failed while its node was up, or succeeded while it was down.
//   - At the end the cluster is not as it was before.
package main
