//go:build linux

// The soakcluster command has clients and servers of a cluster talk while a broker and then a node of it are killed and started
// again, and holds what every connection received against what was sent. Each broker and each node is a process; the
// clients live in this one.
//
// It fails if a connection got the messages or the events of one sender to one target out of order, or one of them twice; if
// it missed one although its node and the sender's were up and told no gap, and neither was killed, and its own connection
// lasted; if members on the sender's node missed any; if a call failed otherwise than with layer.ErrUnavailable, or at a time
// when its node was up, or succeeded while it was down; and if anything is not as before in the end.
package main
