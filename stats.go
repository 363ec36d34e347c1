package chanx

import (
	"maps"
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/socket"
)

// Stats contains the numbers of one server, which is one node, at the time of the call. Refused, Drops, In, Events,
// NodeEvents and Out only grow: they start at zero when the server is created, include connections that have ended, and
// are never reset. The other numbers go up and down.
//
// The keys of In, Events and Out are the actions and events that consumers of the server declare. All exist from the
// start: clients and other nodes cannot add any. Numbers of several consumers with a common key are added up.
type Stats struct {
	Connections int   // open, opening or closing: until OnClose has returned
	Closing     int   // sockets that wait for the client's Close frame after the server's, up to Limits.CloseTimeout
	Refusing    int   // the same, for refused connections, which are not in Connections and Closing
	Groups      int   // groups with members on this node
	QueuedBytes int64 // bytes of frames that wait for clients; a frame for several clients counts for each

	// Refused counts messages and events that no handler was given, by cause: "invalid" (it did not pass validation),
	// "rate_limited", "duplicate_ref", "too_busy", "cancelled" (by the client, or because the client has gone, while
	// the message waited), "internal" (a method of its type panicked while it was decoded).
	Refused map[string]uint64

	// Drops counts everything that was discarded. The constants of DropReason explain what each reason counts. A reason
	// without a loss is absent.
	Drops map[DropReason]uint64

	In     map[string]HandledStats // messages passed to a handler, by action; with the built-in ping, without chanx.ping and chanx.cancel
	Events map[string]HandledStats // events passed to handlers, by name; counted once for each connection

	// NodeEvents counts the events that handlers of OnNode were given, by name.
	NodeEvents map[string]HandledStats

	Out map[string]SentStats // frames queued for connections, by action; Raw messages under RawStats
}

// DropReason says what was discarded, and why: its first word is the unit that is counted, the rest is the cause. It is
// the key of Stats.Drops. Observer.Drop receives it, and the log has it as the attribute "what".
type DropReason string

// The reasons why something is discarded. A later version may add some.
const (
	// DropMessagesUnhandled counts messages of clients that waited for a handler when their connection was lost or
	// closed. Clients that disconnect cause it. If the number grows steadily, handlers are too slow.
	DropMessagesUnhandled DropReason = "messages_unhandled"

	// DropEventsUnhandled counts events that waited for a handler when the connection was lost or closed. See
	// DropMessagesUnhandled.
	DropEventsUnhandled DropReason = "events_unhandled"

	// DropEventsOverflow counts connections that ended with 1013 because too many events waited. Make handlers faster,
	// emit less, or raise Limits.EventQueue.
	DropEventsOverflow DropReason = "events_overflow"

	// DropEventsUndelivered counts events for a connection that has ended, or whose queue was full. A few are normal when
	// clients disconnect. For slow handlers see DropEventsOverflow.
	DropEventsUndelivered DropReason = "events_undelivered"

	// DropEventsUndeclared counts events for which the connection's consumer has no OnEvent, or the server no OnNode.
	// That is normal while several releases run. Otherwise register the handler, or choose another target.
	DropEventsUndeclared DropReason = "events_undeclared"

	// DropEventsNodeOverflow counts events for OnNode without room in the server's queue: 1,024 or 64 MiB waited. Make
	// these handlers faster, or emit less.
	DropEventsNodeOverflow DropReason = "events_node_overflow"

	// DropEventsNodeUnhandled counts events for OnNode that waited when the context of Shutdown ended. Give Shutdown
	// more time.
	DropEventsNodeUnhandled DropReason = "events_node_unhandled"

	// DropEventsInvalid counts events whose data is not valid for the type. The log has the error. Releases that run at
	// the same time must agree on the type.
	DropEventsInvalid DropReason = "events_invalid"

	// DropCancelsOverflow counts cancels of clients, while 256 of the connection waited for the messages to cancel. Only
	// a faulty client sends so many.
	DropCancelsOverflow DropReason = "cancels_overflow"

	// DropFramesDroppable counts frames of a slow client that were discarded to make room. See Droppable.
	DropFramesDroppable DropReason = "frames_droppable"

	// DropFramesSuperseded counts frames of a slow client that were replaced by newer ones. See Latest.
	DropFramesSuperseded DropReason = "frames_superseded"

	// DropFramesUndelivered counts group messages and completions for a connection that has ended, or whose queue was full.
	// A few are normal when clients disconnect. For slow clients see DropBytesOverflow.
	DropFramesUndelivered DropReason = "frames_undelivered"

	// DropBytesUnsent counts bytes of frames on the wire that were queued when the connection was lost or closed.
	// Clients that disconnect cause it.
	DropBytesUnsent DropReason = "bytes_unsent"

	// DropBytesOverflow counts bytes of frames on the wire beyond Limits.SendQueueBytes. The connection ends with 1013.
	// Send less to slow clients, declare messages as Droppable or Latest, or raise the limit.
	DropBytesOverflow DropReason = "bytes_overflow"

	// DropCopiesUndeclared counts group messages, for each connection, for which its consumer has no Broadcasts. That is
	// normal while several releases run. Otherwise declare the message, or choose another target.
	DropCopiesUndeclared DropReason = "copies_undeclared"

	// DropCopiesOverload counts group messages and events, for each connection, on an overloaded server: senders are
	// faster than delivery. Broadcast less, or add servers.
	DropCopiesOverload DropReason = "copies_overload"

	// DropPublicationsUnreadable counts publications of other servers that cannot be read. Each target of one may count.
	// The log has the error. Let no other program publish to the subjects of the servers.
	DropPublicationsUnreadable DropReason = "publications_unreadable"

	// DropPublicationsOtherVersion counts publications of another release that this release does not know and must not
	// ignore. Finish the update of all servers.
	DropPublicationsOtherVersion DropReason = "publications_other_version"

	// DropPublicationsUnauthentic counts publications without a signature that ServerOptions.LayerAuth accepts. Give all
	// servers the same keys. If they have them, somebody else publishes on the broker.
	DropPublicationsUnauthentic DropReason = "publications_unauthentic"

	// DropPublicationsTooLong counts publications of more than 16 MiB. This library publishes none: see
	// DropPublicationsUnreadable.
	DropPublicationsTooLong DropReason = "publications_too_long"

	// DropPublicationsUnsent counts publications of this server that the channel layer has not accepted, with
	// TolerateBrokerLoss. Restore the broker.
	DropPublicationsUnsent DropReason = "publications_unsent"

	// DropGaps counts gaps in the connection of the channel layer, which the log has with the layer's status. How much
	// was lost in one is unknown. Clients should load again what they must not miss.
	DropGaps DropReason = "gaps"
)

// socketDrops are the reasons of the transport.
var socketDrops = [len(socket.Stats{}.Drops)]DropReason{
	socket.DroppedMessages: DropMessagesUnhandled, socket.DroppedEvents: DropEventsUnhandled, socket.EventOverflow: DropEventsOverflow,
	socket.DroppedFrames: DropFramesDroppable, socket.SupersededFrames: DropFramesSuperseded,
	socket.UnsentBytes: DropBytesUnsent, socket.SlowClient: DropBytesOverflow,
}

// RawStats is the key of Stats.Out for Raw messages of any name.
const RawStats = "chanx.raw"

// HandledStats counts the handled messages or events of one type.
type HandledStats struct {
	Count uint64 // handlers that have begun, including middleware

	// Failed counts those that returned an error or panicked, each once, whether the handler or middleware did, and
	// those that failed after their timeout. An error that says only that the client has cancelled or gone does not
	// count.
	Failed uint64

	// Time is the total duration of the handlers that have ended, from the beginning to the return of the outermost
	// middleware, including the sending of replies; for a stream until its end. Streams and calls of handlers with
	// Concurrent are all measured. For others it is an estimate: connections are spread over up to 64 counters, and
	// each counter measures its first 16 handlers, then every 16th, which counts 16 times.
	Time time.Duration
}

// SentStats counts frames. Frames for which there turned out to be no room, or no receiver any more, may be in Drops
// too.
type SentStats struct {
	Count uint64
	Bytes uint64 // length of the JSON, before compression and without the headers of WebSocket frames
}

// Stats returns the current numbers. Most of the cost does not depend on the load, but Stats visits each connection and
// each group: call it a few times a minute, not for each message.
func (s *Server) Stats() Stats {
	st := Stats{
		Groups: s.hub.Groups(cluster.GroupSubject("")), Refused: s.refusals.numbers(),
		In: map[string]HandledStats{}, Events: map[string]HandledStats{}, NodeEvents: map[string]HandledStats{}, Out: map[string]SentStats{},
	}
	for _, m := range s.mounted() {
		m.addTo(&st)
	}
	refusal := AuthenticationMessage{}.Action()
	if out, ok := st.Out[refusal]; ok { // it is also sent at paths that no pattern matches
		st.Out[refusal] = s.notFound().actions[refusal].counter.addTo(out)
	}
	s.nodeEvents.addTo(&st)
	for _, c := range s.snapshot() {
		st.QueuedBytes += int64(c.queuedBytes())
	}
	sockets := s.upgrader.Stats()
	st.Closing, st.Refusing = int(sockets.Closing), int(sockets.Refusing)
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Connections, st.Drops = len(s.conns), maps.Clone(s.drops)
	return st
}

// countDrop counts a loss. c is nil if no single connection lost it.
func (s *Server) countDrop(c *Conn, why DropReason, n int) {
	s.mu.Lock()
	s.drops[why] += uint64(n)
	s.mu.Unlock()
	if s.observer != nil {
		s.observer.Drop(c, why, n)
	}
}

// addTo adds the numbers of a consumer.
func (m *mount) addTo(st *Stats) {
	for action, in := range m.incoming {
		st.In[action] = in.handled.addTo(st.In[action])
	}
	for name, e := range m.events {
		st.Events[name] = e.handled.addTo(st.Events[name])
	}
	for action, out := range m.actions {
		st.Out[action] = out.counter.addTo(st.Out[action])
	}
	st.Out[RawStats] = m.raw.addTo(st.Out[RawStats])
}

// queuedBytes is the number of bytes that wait for the client, including those before the handshake is answered.
func (c *Conn) queuedBytes() (n int) {
	c.mu.Lock()
	wire := c.wire
	if c.early != nil {
		for _, f := range c.early.frames {
			n += f.Size()
		}
	}
	c.mu.Unlock()
	if wire != nil {
		n += wire.QueuedBytes()
	}
	return n
}

// A counter has several cells, each on its own cache line. Connections are spread over the cells, so that cores that count
// at the same time seldom wait for each other. Reading the counter adds up the cells.
type (
	handledCounter []handledCell
	sentCounter    []sentCell
)

type handledCell struct {
	count, failed atomic.Uint64
	time          atomic.Int64 // nanoseconds
	_             [cacheLine - 24]byte
}

type sentCell struct {
	count, bytes atomic.Uint64
	_            [cacheLine - 16]byte
}

const cacheLine = 64

// cells is the number of cells of a counter: a power of two greater than the number of cores, so that two cores seldom
// use the same cell.
func cells() int { return min(64, 1<<bits.Len(uint(4*runtime.GOMAXPROCS(0)-1))) }

func newHandledCounter() handledCounter { return make(handledCounter, cells()) }

func newSentCounter() sentCounter { return make(sentCounter, cells()) }

func (h handledCounter) of(c *Conn) *handledCell { return &h[c.shard&uint32(len(h)-1)] }

func (s sentCounter) of(c *Conn) *sentCell { return &s[c.shard&uint32(len(s)-1)] }

func (h handledCounter) addTo(sum HandledStats) HandledStats {
	for i := range h {
		sum.Failed += h[i].failed.Load() // before count, so that Failed is never greater than Count
		sum.Count += h[i].count.Load()
		sum.Time += time.Duration(h[i].time.Load())
	}
	return sum
}

func (s sentCounter) addTo(sum SentStats) SentStats {
	for i := range s {
		sum.Count += s[i].count.Load()
		sum.Bytes += s[i].bytes.Load()
	}
	return sum
}

func (s *sentCell) add(count, bytes int) {
	s.count.Add(uint64(count))
	s.bytes.Add(uint64(bytes))
}

// sampling is the number of handlers for which the clock is read once: reading it takes as long as some handlers.
const sampling = 16

// stopwatch measures one handler. Its weight is the number of handlers that it stands for; 0 means that it does not
// run.
type stopwatch struct {
	cell   *handledCell
	since  time.Duration // from epoch
	weight time.Duration
}

// epoch is the origin of times: passing one number is faster than passing a time.Time.
var epoch = time.Now()

// begin counts a handler that begins. The first ones are all measured, so that numbers of rare messages are exact, and
// the total never decreases.
func (h *handledCell) begin(exact bool) stopwatch {
	n := h.count.Add(1)
	switch {
	case exact || n <= sampling:
		return stopwatch{h, time.Since(epoch), 1}
	case n%sampling == 0:
		return stopwatch{h, time.Since(epoch), sampling}
	}
	return stopwatch{}
}

func (w stopwatch) stop() {
	if w.cell != nil {
		w.cell.time.Add(int64((time.Since(epoch) - w.since) * w.weight))
	}
}

// refusals counts messages and events that no handler was given, by reason.
type refusals map[string]*atomic.Uint64

const (
	refusedInvalid  = "invalid"
	refusedInternal = "internal"
)

func newRefusals() refusals {
	r := refusals{}
	for _, why := range []string{
		refusedInvalid, refusedInternal, errRate.Reason, errDuplicate.Reason, errTooBusy.Reason, errCancelled.Reason,
	} {
		r[why] = new(atomic.Uint64)
	}
	return r
}

func (r refusals) add(why string) { r[why].Add(1) }

// addError counts a refused call. An error without a reason means that its context ended while it waited.
func (r refusals) addError(err error) {
	if e, ok := outermost(err).(*Error); ok {
		r.add(e.Reason)
		return
	}
	r.add(errCancelled.Reason)
}

func (r refusals) numbers() map[string]uint64 {
	all := map[string]uint64{}
	for why, n := range r {
		all[why] = n.Load()
	}
	return all
}
