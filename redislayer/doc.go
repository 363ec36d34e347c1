// Package redislayer is a channel layer over the publish/subscribe of Redis 6 or later, or Valkey: a single server, a primary
// that sentinels watch over, or a cluster.
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
// A subject is the channel "chanx:" and the subject as it is; [Options] may name another prefix. In a cluster the channel is
// "chanx:{}" and the subject, and commands are those of sharded publish/subscribe, which Redis has since version 7: a
// publication goes to the one shard that its channel belongs to, and its subscribers are connected to that shard. With
// [Options.Classic] a cluster is used like a single server. Redis stores nothing, and its databases do not separate
// channels: applications that share a server need different prefixes.
//
// A user of Redis with limited rights needs the channels chanx:*, the commands +@connection and +@pubsub, and in a cluster
// +cluster|slots, +cluster|info and +cluster|nodes.
//
// # Guarantees
//
// Those of package layer, by these means:
//
//   - Order: all publications of a link to a subject go to the same node, by an outbox and one connection. Publish returns when
//     the publication is in the outbox; what is there leaves together, and the next batch when that is answered.
//   - At most once: nothing is tried again but what Redis has answered by MOVED, which it has not handed out. A publication that
//     was under way when the connection was lost, or whose context ended, may have been handed out all the same. After a
//     lost connection Redis may even read it behind what is published by the next one.
//   - Nothing is lost silently: what Redis refuses after Publish has returned, such as what the user may not do, is told as a
//     gap with the cause. The next Publish to that subject waits for the answer and has the error, until one succeeds; after
//     an error that will pass, such as BUSY, so does every Publish. A link that is closed tells likewise what Redis has not
//     answered within five seconds.
//   - Subscribe returns when Redis has confirmed it. Then any publication to the subject passes the node that the subscriber
//     is connected to.
//   - A gap is told whenever a connection was lost, because then Redis drops what comes for its subscriber. The link is down
//     until all is connected and subscribed again, as one: with one shard of a cluster lost, it is down for all subjects.
//   - Echo: a link receives its own publications.
//
// A lost connection is noticed at once if it was closed, and after 6 to 7 seconds if the server is silent or the network just
// drops everything. Until then Publish has no error as long as the outbox has room, and Subscribe waits.
// The first attempt to connect again follows within 50 milliseconds, the others at most a second apart. Subscriptions are
// made again thousands at a time.
//
// When slots of a cluster move to another shard, as when it grows, Redis ends the subscriptions in them. The link goes down,
// finds out who has them now, and is up again with a gap; so it does each time when many slots move one by one. Publications
// follow a slot without that, unless it has moved to a shard that is new to the link. When a replica
// takes the place of a primary, the connections to the old one end and the link connects to the new one.
//
// One loss cannot be told: with Options.Classic the nodes of a cluster pass publications on to each other, and what is lost
// when two of them lose each other is known to neither subscriber nor publisher.
//
// # Who may say what
//
// Whoever may publish to the channels can publish in anybody's name; LayerAuth of chanx.ServerOptions signs what servers publish.
// It does not prevent that somebody publishes a lot, or publishes as much as proto-max-bulk-len allows (512 MiB), which each
// subscribed node holds in memory while it arrives. Let only the application's user publish to these channels.
//
// # Limits
//
// A link whose receiver does not keep up reads more slowly, until Redis has kept too much for it and closes the connection,
// which is a gap. Its setting client-output-buffer-limit, by default "pubsub 32mb 8mb 60", says how much that is: 32 MiB at once, or
// 8 MiB for a minute. Data has at most 512 MiB (proto-max-bulk-len), and should have less than what one subscriber may be behind.
//
// Each link has one connection that publishes and one that is subscribed, in a cluster such a pair for each shard, and each
// connection has buffers of 1 MiB. An outbox, of which there is one for each shard, holds 1024 publications or 8 MiB, those under
// way included; when it is full Publish waits. A batch has at most 256 publications or 2 MiB, and takes a round trip.
package redislayer
