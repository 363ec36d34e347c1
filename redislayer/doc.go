// Package redislayer is a channel layer over the publish/subscribe of Redis 6 or later, or Valkey: a single server, a primary
// monitored by sentinels, or a cluster.
//
//	l, err := redislayer.Connect(ctx, "redis://localhost:6379", nil)
//	if err != nil {
//		return err
//	}
//	defer l.Close()
//	server := chanx.NewServer(&chanx.ServerOptions{Layer: l})
//
// # Channels
//
// The Redis channel of a subject is "chanx:" followed by the subject; [Options] can set another prefix. In a cluster it is
// "chanx:{}" followed by the subject, and the layer uses sharded publish/subscribe, which needs Redis 7: a publication goes
// only to the shard that its channel belongs to, and subscribers are connected to that shard. With [Options.Classic] a cluster
// is used like a single server. Redis stores nothing. Redis databases do not separate channels, so applications that
// share a server need different prefixes.
//
// A Redis user with limited rights needs the channels chanx:*, the commands +@connection and +@pubsub, and in a cluster
// +cluster|slots, +cluster|info and +cluster|nodes.
//
// # Guarantees
//
// The layer keeps the contract of package layer:
//
//   - Order: all publications of a link to a subject go through one outbox and one connection to the same node. Publish
//     returns when the publication is in the outbox. The outbox sends its contents as a batch, and the next batch when Redis
//     has answered.
//   - At most once: nothing is sent again, except what Redis has answered with MOVED, because Redis has not delivered it. A
//     publication in transit when the connection is lost or its context ends may have been delivered. Redis may even read
//     it after publications from the next connection.
//   - No silent loss: Redis may refuse a publication after Publish has returned, for example for lack of permission. The
//     link reports that as a gap with the cause. From then on Publish to that subject waits for the answer and returns
//     the error, until one succeeds. After a temporary error such as BUSY, Publish to every subject does. A link being closed
//     also reports what Redis has not answered within five seconds.
//   - Subscribe returns when Redis has confirmed the subscription. From then on every publication to the subject passes the
//     node that the subscriber is connected to.
//   - Gap: every lost connection is reported as a gap, because Redis then drops the publications for its subscriber. The link
//     is down until all its connections and subscriptions are restored. If one shard of a cluster is lost, the link is down
//     for all subjects.
//   - Echo: a link receives its own publications.
//
// The layer notices a closed connection at once, and a silent server or a network that drops everything after 6 to 7 seconds.
// Until then Publish returns no error while the outbox has room, and Subscribe blocks. The first attempt to reconnect follows
// within 50 milliseconds, later ones at most a second apart. Subscriptions are restored in batches of up to a thousand.
//
// When cluster slots move to another shard, for example because the cluster grows, Redis ends the subscriptions in them. The
// link goes down, finds the new owners, and comes up with a gap. If many slots move one by one, that happens each time.
// Publications alone follow a moved slot without it, unless the slot has moved to a shard that is new to the link. When a
// replica replaces a primary, the connections to the old primary end and the link connects to the new one.
//
// One kind of loss cannot be reported: with Options.Classic the nodes of a cluster forward publications to each other. If two
// nodes lose contact, neither subscriber nor publisher learns what was lost between them.
//
// # Security
//
// Everybody who may publish to the channels can publish in the name of any server; LayerAuth of chanx.ServerOptions signs what
// servers publish. It does not prevent floods, or messages as large as proto-max-bulk-len allows (512 MiB), which each
// subscribed node holds in memory while they arrive. Let only the application's user publish to these channels.
//
// # Limits
//
// If a receiver is too slow, its link reads more slowly, until the backlog in Redis is too large and Redis closes the
// connection, which is a gap. The Redis setting client-output-buffer-limit is that limit. Its default "pubsub 32mb 8mb 60"
// means 32 MiB at any time, or 8 MiB for a minute. Data has at most 512 MiB (proto-max-bulk-len), and should be smaller than
// the allowed backlog of a subscriber.
//
// Each link has one connection for publishing and one for subscriptions; in a cluster, such a pair for each shard. Each
// connection has buffers of 1 MiB. An outbox, one for each shard, holds 1024 publications or 8 MiB, including those in transit.
// When it is full, Publish blocks. A batch has at most 256 publications or 2 MiB, and takes one round trip.
package redislayer
