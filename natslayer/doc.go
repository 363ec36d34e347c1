// Package natslayer is the channel layer over core NATS. It connects chanx servers on any number of machines, without
// streams and without storage.
//
//	l, err := natslayer.Connect(ctx, "nats://a:4222,nats://b:4222", &natslayer.Options{
//		NATS: []nats.Option{nats.UserCredentials("chanx.creds")},
//	})
//	if err != nil { … }
//	defer l.Close()
//	srv := chanx.NewServer(&chanx.ServerOptions{Layer: l})
//
// Give each server a layer of its own. A layer has one connection to one server of the cluster, and moves to another server
// when it loses that connection. [New] uses an existing connection.
//
// # Guarantees
//
// The layer keeps the contract of package layer, with one NATS server or a cluster:
//
//   - Order: whatever one layer publishes arrives in the order of the calls, across all subjects.
//   - At most once: Publish returns when nats.go has the data, which it sends at once. Publish does not wait for the broker,
//     but may block for up to 3 s (a connection given to [New]: its FlusherTimeout) while the network accepts no bytes. Data
//     in transit when a connection is lost may be lost; the layer reports a gap at each end that lost its connection.
//   - Recovery: until it is closed, the layer recovers from every loss of its connection. nats.go reconnects by itself. If
//     nats.go closes the connection for good, because of a server error that it does not know or because a callback of the
//     application did, the layer makes a new one and reports the loss like any other. (It does not replace a connection given
//     to [New].)
//   - Silence: a server that stops answering while its connection stays open counts as lost 4 to 6 s after its last answer.
//     nats.PingInterval and nats.MaxPingsOutstanding in Options.NATS change that: the longest time is the interval times
//     (number of pings + 1). Until then Publish returns no error, and Subscribe blocks.
//   - While there is no connection, calls fail at once with layer.ErrUnavailable. Nothing is buffered for later.
//   - Slow receivers: when too many publications wait for a receiver (Options.PendingMessages and PendingBytes), the layer
//     drops new ones, reports a gap to that link and counts them in [Layer.Dropped]. NATS disconnects a layer that reads too
//     slowly, which is a loss like any other.
//   - Names: a subject becomes one NATS token, readable where possible: "g/room 1" is "chanx.g/room=201".
//   - Size: data may be as large as the broker's max_payload, by default 1 MiB; publishing more is an error. Clients learn a
//     lowered max_payload only when they connect. The first publication that is too large then costs the layer its
//     connection, a loss like any other; later ones are an error.
//   - Permissions: Subscribe returns an error if NATS does not allow the subject. Publish learns it too late: the first
//     publication is lost and reported as a gap, and from then on Publish returns the error.
//
// # Subscribe, then publish
//
// A NATS server confirms a subscription to its own client. The other servers of the cluster learn of it a moment later, and
// until then drop what is published to it there. Subscribe waits for them: after subscribing, the layer sends a query to one
// layer on each other server. An answer that returns over the same route proves that the server there knows the
// subscription. Calls made at the same time share one query. With a single server it is one round trip to that server.
//
// Layers find each other with hello messages when they connect. In a cluster that takes 150 ms, and up to 2 s while layers
// are missing that were there before the connection was lost. So:
//
//   - Between layers that have found each other the rule always holds, however slow the servers are.
//   - A layer may be unreachable for longer than that, because a route between two servers is slow or comes up after their
//     clients. Later hellos, after 1 s, 5 s and then every 30 s, find it. Until then publications between the two may be
//     lost. When they find each other, both report a gap.
//   - If no layer on a server answers within 5 s, the waiting calls fail with an error that wraps layer.ErrUnavailable. The
//     layer ignores that server until it hears from it again, and then reports a gap. One hanging process therefore delays
//     the others only once.
//   - If two clients of one server subscribe to the same new subject within microseconds, that server informs the others
//     once. The second client may be answered before the first has been announced, and may miss a publication that is made on
//     another server in that moment.
//   - Between the clusters of a super-cluster (gateways), subscriptions and answers take different paths. There the only
//     certainty is that subscriptions take effect soon.
//
// # Security
//
// Everybody who may publish to "<Prefix>.>" can publish in the name of any server. LayerAuth of chanx.ServerOptions signs
// what servers publish. It does not sign what layers send each other on "<Prefix>.sync.>", because a layer does not know the
// keys. The layer checks these messages: none of them makes it publish elsewhere, lose its connection, or remember more
// than 512 servers. The worst that forged messages can do is to
//
//   - make links report gaps, one status each;
//   - delay subscriptions by 5 s each, for as long as the forger invents servers that do not answer; these subscriptions
//     fail with layer.ErrUnavailable and are remembered;
//   - end the wait of a subscription early, so that it misses what nodes on other servers publish in the next milliseconds;
//   - cost processor time, if there are many.
//
// NATS permissions prevent this: let only the application's users publish to "<Prefix>.>".
package natslayer
