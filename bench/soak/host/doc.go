// Package host is the server of the soak, in a process of its own: the same consumers on two servers of chanx, one with
// permessage-deflate and one without, and each of these over plain TCP and over TLS. It obeys orders: to tell what it holds,
// and to shut down.
package host
