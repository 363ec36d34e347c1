// Package natslayer is the channel layer over NATS: it connects chanx servers on any number of machines by core NATS, with
// no stream and nothing stored.
//
//	l, err := natslayer.Connect(ctx, "nats://a:4222,nats://b:4222", &natslayer.Options{
//		NATS: []nats.Option{nats.UserCredentials("chanx.creds")},
//	})
//	if err != nil { … }
//	defer l.Close()
//	srv := chanx.NewServer(&chanx.ServerOptions{Layer: l})
//
// Give each server a layer of its own. It is one connection to one server of the cluster; when that is lost it moves to
// another. [New] uses a connection that you have.
//
// # What holds
//
// The contract of package layer, over one server or a cluster of them:
//
//   - What one layer publishes to one subject arrives in that order; indeed what it publishes to all subjects does.
//   - Delivery is at most once. Publish returns when nats.go has the data, which sends it at once; what was under way
//     when a connection is lost may be lost, and both ends that lose their connection are told of a gap. Publish does
//     not wait for the broker; a call may hang for up to 3 s (of a connection of [New]: its FlusherTimeout) if the
//     network takes no bytes.
//   - The layer comes back after every loss of its connection, until it is closed: nats.go connects again by itself, and where
//     it closes the connection for good, because of an error of the server that it does not know or a callback of the
//     application, the layer makes a new one. That is told as any loss. (A connection of [New] is not replaced.)
//   - A server that is silent, but whose connection stays open, counts as lost 4 to 6 s after its last answer. nats.PingInterval
//     and nats.MaxPingsOutstanding in Options.NATS change that: it is lost at the latest after the interval times one more than the
//     number of pings. Until then Publish has no error, and Subscribe waits.
//   - While there is no connection, calls fail at once with layer.ErrUnavailable. Nothing is buffered for later.
//   - A receiver for which too much waits (Options.PendingMessages and PendingBytes) loses what comes then; it is told of
//     a gap, and [Layer.Dropped] counts. A server that cannot keep up with NATS itself is disconnected by it, which is told
//     as any loss.
//   - A subject is written as one token of NATS, readable where it can be: "g/room 1" is "chanx.g/room=201".
//   - Data may be as large as max_payload of the broker, by default 1 MiB. Larger data is an error. When a server lowers
//     max_payload, clients learn it when they connect: the first publication that is too large costs the layer its connection,
//     which is told as any loss; later ones are an error.
//   - What NATS does not allow is an error of Subscribe. For Publish it is known too late: the publication is lost,
//     which is told as a gap, and from then on Publish has the error.
//
// # Subscribe, then publish
//
// A server of NATS tells a client when it knows of a subscription itself; the other servers of the cluster learn it a
// moment later, and drop what is published on them before. Subscribe waits for them: after it has subscribed, the layer
// asks a layer on each other server, and an answer that comes back over the same route proves that the server there
// knows. Many calls share one question. With a single server it is one round trip to that server.
//
// Layers find each other by greeting when they connect, which takes 150 ms in a cluster, and up to 2 s when layers that were
// there before a loss of the connection are missing. So:
//
//   - Between layers that have found each other the rule holds exactly, however slow the servers are.
//   - A layer that cannot be heard for longer than it listens, because a route between two servers comes up after their
//     clients or is that slow, is found by later greetings, after 1, 5 and then every 30 s. Until then publications
//     between the two may be lost. When they find each other, both are told of a gap.
//   - If no layer on a server answers within 5 s, the calls that wait fail with an error that wraps layer.ErrUnavailable, and
//     the server is left out until it is heard again, which is told as a gap. One process that hangs does not
//     hold up the others for longer.
//   - Two clients of one server that subscribe to the same new subject within microseconds share what the server tells
//     the others; the second may be answered before the first has been told. A publication from another server that
//     falls into this moment may miss the second.
//   - Between the clusters of a super-cluster (gateways), subscriptions and answers travel on different ways, so nothing is
//     certain there but that they arrive soon.
//
// # Who may say what
//
// Whoever may publish to "<Prefix>.>" can publish in anybody's name. LayerAuth of chanx.ServerOptions signs what servers publish.
// It does not sign what layers say to each other on "<Prefix>.sync.>", because a layer does not know the keys. What arrives there
// is checked, and no message makes a layer publish anywhere else, lose its connection, or remember more than 512 servers. By
// forging it somebody can at worst
//
//   - have links told of gaps, each of which is one status;
//   - delay subscriptions by 5 s each, which fail with layer.ErrUnavailable then and are remembered, as long as they keep forging
//     servers that do not answer;
//   - end the wait of a subscription early, so that what another server's node publishes in the milliseconds after it is missed;
//   - cost processor time, by sending a lot.
//
// Permissions of NATS prevent it: let only the users of the application publish to "<Prefix>.>".
package natslayer
