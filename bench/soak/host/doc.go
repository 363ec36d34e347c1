// Package host is the server of the soak, in a process of its own: the same consumers on two servers of chanx, one with
// permessage-deflate and one without, each over plain TCP and over TLS. It takes two orders: to report what it holds, and to
// shut down.
package host
