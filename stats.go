package chanx

import (
	"errors"
	"maps"
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"
)

// Stats are numbers of one server, which is one node, at the time of the call. Those of Refused, Drops, In, Events and Out
// only grow, from zero when the server was made: connections that end take nothing with them, and nothing resets them.
// The others go up and down.
//
// The keys of In, Events and Out are what consumers of the server declare, each there from the start: no client and no
// other node can add one. What several consumers have in common is added up.
type Stats struct {
	Connections int   // open, or on their way in or out: until OnClose has returned
	Closing     int   // sockets whose Close frame was sent: they wait for the client's, up to Limits.CloseTimeout
	Refusing    int   // likewise, of connections that were refused; these are not in Connections and Closing
	Groups      int   // that have members on this node
	QueuedBytes int64 // of frames that wait for clients to take them; what waits for several counts for each

	// Refused are messages and events that no handler got, by the reason that the client was told: "invalid" (it did not
	// pass validation), "rate_limited", "duplicate_ref", "too_busy", "cancelled" (while it waited, by the client or because
	// it has gone), "internal" (a method of its type panicked while it was decoded).
	Refused map[string]uint64

	// Drops are what was discarded, all of it by one of these keys: the first word is the unit, the rest is why. An Observer's
	// Drop is told the same, and the log too, where the key is "what" (but of a gap, the line is of the layer's status).
	//
	//	messages_unhandled         of clients, that waited for a handler when the connection was lost or closed
	//	events_unhandled           likewise
	//	events_overflow            connections that ended with 1013 because too many events waited: see Limits.EventQueue
	//	events_refused             for a connection that has ended, or whose queue was full
	//	events_undeclared          that the connection's consumer has no OnEvent for, or the server no OnNode
	//	events_node_overflow       of OnNode, beyond 1,024 or 64 MiB that wait
	//	events_node_unhandled      of OnNode, that waited when the context of Shutdown ended
	//	events_invalid             whose data its type does not accept
	//	cancels_overflow           of clients, beyond 256 of a connection that wait for what they are to cancel
	//	frames_droppable           that were queued, to make room: see Droppable
	//	frames_superseded          that were queued, for a newer one: see Latest
	//	frames_refused             group messages and completions for a connection that has ended, or whose queue was full
	//	bytes_unsent               as on the wire, of what was queued when the connection was lost or closed
	//	bytes_overflow             likewise, of what is beyond Limits.SendQueueBytes: the connection ends with 1013
	//	copies_undeclared          group messages that the connection's consumer has no Broadcasts for; each connection's is one
	//	copies_overload            group messages and events that the server was too busy for; each connection's is one
	//	publications_unreadable    of other servers; of what has several targets each may be one
	//	publications_other_version that a release must know to obey them, and this one does not
	//	publications_unauthentic   that are not signed as LayerAuth wants
	//	publications_too_long      of more than 16 MiB
	//	publications_unsent        of this server, that the channel layer did not take: see TolerateBrokerLoss
	//	gaps                       of the channel layer; how much is lost in one, nobody knows
	Drops map[string]uint64

	In     map[string]HandledStats // messages of clients that a handler got, by action; the built-in ping too, a cancel not
	Events map[string]HandledStats // events that a handler got, by name: each connection's is one

	// NodeEvents are events that the server itself handled, by name: see OnNode.
	NodeEvents map[string]HandledStats

	Out map[string]SentStats // frames that went into the queues of connections, by action; each Raw as RawStats
}

// RawStats is the key of Stats.Out for Raw messages, whatever they are called.
const RawStats = "chanx.raw"

// HandledStats are of a message or event and its handlers.
type HandledStats struct {
	Count uint64 // handlers that have begun, middleware included

	// Failed are those of them that returned an error or panicked, each once, whether the handler or middleware did, and
	// those that took longer than their time-out. An error that says only that the client has cancelled or gone is none.
	Failed uint64

	// Time is how long those took that have ended, from the outermost middleware to its return, the sending of replies
	// included; of a stream until its end. Streams and calls of handlers with Concurrent are measured one by one. Of others it
	// is an estimate: connections are spread over up to 64 counters, in each of which the first 16 handlers are measured,
	// then every 16th, which stands for those since the last.
	Time time.Duration
}

// SentStats are of frames. Those for which there turned out to be no room, or nobody any more, may be in Drops too.
type SentStats struct {
	Count uint64
	Bytes uint64 // of their JSON, before compression and without the headers of WebSocket frames
}

// Stats counts. Most of it costs the same however busy the server is, but it looks at each connection and each group: some
// times a minute is fine, for each message it is not.
func (s *Server) Stats() Stats {
	st := Stats{
		Groups: s.hub.Groups(groupSubject("")), Refused: s.refusals.numbers(),
		In: map[string]HandledStats{}, Events: map[string]HandledStats{}, NodeEvents: map[string]HandledStats{}, Out: map[string]SentStats{},
	}
	for _, m := range s.mounted() {
		m.addTo(&st)
	}
	refusal := AuthenticationMessage{}.Action()
	if out, ok := st.Out[refusal]; ok { // where no pattern matches, it is sent too
		st.Out[refusal] = s.notFound().actions[refusal].counter.addTo(out)
	}
	s.nodes.addTo(&st)
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

// queuedBytes are what waits for the client, also before its handshake is answered.
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

// A counter has several cells, each on a cache line of its own: connections are spread over them, so that cores which
// count at the same time seldom wait for each other. The sum is made when somebody asks.
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

// cells is how many a counter has, a power of two: more than cores, or two of them would often meet.
func cells() int { return min(64, 1<<bits.Len(uint(4*runtime.GOMAXPROCS(0)-1))) }

func newHandledCounter() handledCounter { return make(handledCounter, cells()) }

func newSentCounter() sentCounter { return make(sentCounter, cells()) }

func (h handledCounter) of(c *Conn) *handledCell { return &h[c.shard&uint32(len(h)-1)] }

func (s sentCounter) of(c *Conn) *sentCell { return &s[c.shard&uint32(len(s)-1)] }

func (h handledCounter) addTo(sum HandledStats) HandledStats {
	for i := range h {
		sum.Failed += h[i].failed.Load() // before the others, of which it is a part
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

// sampling is how many handlers the clock is read for once: to read it takes as long as some handlers.
const sampling = 16

// stopwatch is of one handler. Its weight is how many handlers it stands for; 0: it does not run.
type stopwatch struct {
	cell   *handledCell
	since  time.Duration // from epoch
	weight time.Duration
}

// epoch is where time is counted from: one number is handed around faster than a time.Time.
var epoch = time.Now()

// begin counts a handler that begins. Until there is something to choose from all are measured, so that numbers of what
// happens rarely are exact; and the time only ever grows.
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

// refusals count messages and events that no handler got, by why.
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

// addError counts a call that was refused. Without a reason its context has ended while it waited.
func (r refusals) addError(err error) {
	if told, ok := errors.AsType[*Error](err); ok {
		r.add(told.Reason)
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
