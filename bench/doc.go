// Package bench measures what chanx costs.
//
// It is a module of its own, so that the peers it compares with never become requirements of an application. Every
// figure that matters is a ratio: the two sides run in turns inside one benchmark, on the same machine, in the same
// minute, because absolute times of a shared machine say little. Clients run in a process of their own, so that the
// processor time of this one is the server's.
//
// The benchmarks need a Unix system.
package bench
