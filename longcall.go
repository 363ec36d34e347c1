package chanx

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// longCalls knows which calls of application code take long, to log a warning and to list them when Shutdown gives up.
// Calls beside the queue, OnClose and the opening are added when they begin. A handler in a connection's queue is added
// when the transport's sweeper notices that it has run for more than 5 ms, so a quick handler costs nothing. Whether it
// still runs is checked when that matters. Connections are spread over several longCalls.
type longCalls struct {
	s *Server

	mu    sync.Mutex
	queue map[*Conn]*longCall    // the last of each connection, which may have ended
	calls map[*longCall]struct{} // those that are taken out when they end
	timer *time.Timer
	due   time.Time // when the timer fires; zero: not armed
}

// longCall is one call of application code. It is immutable, except for warned.
type longCall struct {
	c      *Conn
	what   string // action, event or function
	since  time.Time
	no     uint32 // of the handler among those in the connection's queue
	queued bool
	warned bool
}

const (
	longCallShards = 8
	noticedAfter   = 5 * time.Millisecond // about when the transport notices a handler in the queue
	maxListed      = 10                   // maximum of calls in the error of Shutdown
)

// Names of calls that are no messages or events.
var (
	openCall    = "open"
	onOpenCall  = "OnOpen"
	onCloseCall = "OnClose"
)

func (s *Server) longCallsOf(c *Conn) *longCalls { return &s.longCalls[c.shard%longCallShards] }

// begin adds a call, which must be passed to end.
func (r *longCalls) begin(c *Conn, what string) *longCall {
	k := &longCall{c: c, what: what, since: time.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = map[*longCall]struct{}{}
	}
	r.calls[k] = struct{}{}
	r.arm(k.since)
	return k
}

func (r *longCalls) end(k *longCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calls, k)
}

// noteQueued adds the handler that runs in a connection's queue.
func (r *longCalls) noteQueued(c *Conn) {
	what, no := c.refs.currentHandler()
	if what == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.queue[c]; k != nil && k.no == no {
		return
	}
	if r.queue == nil {
		r.queue = map[*Conn]*longCall{}
	}
	k := &longCall{c: c, what: *what, since: time.Now().Add(-noticedAfter), no: no, queued: true}
	r.queue[c] = k
	r.arm(k.since)
}

// forget removes a connection whose queue runs no handler any more.
func (r *longCalls) forget(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.queue, c)
}

// arm sets the timer for a call that began at since. One timer serves several calls. The caller holds mu.
func (r *longCalls) arm(since time.Time) {
	limit := r.s.limits.SlowHandler
	if limit == maxDuration || !r.due.IsZero() {
		return
	}
	wait := max(time.Until(since.Add(limit)), limit/10)
	r.due = time.Now().Add(wait)
	if r.timer == nil {
		r.timer = time.AfterFunc(wait, r.check)
	} else {
		r.timer.Reset(wait)
	}
}

// check logs a warning for calls that have run for too long, once for each.
func (r *longCalls) check() {
	r.mu.Lock()
	r.due = time.Time{}
	maps.DeleteFunc(r.queue, func(_ *Conn, k *longCall) bool { return !k.runs() })
	var slow []*longCall
	for _, k := range r.all() {
		switch {
		case k.warned:
		case time.Since(k.since) >= r.s.limits.SlowHandler:
			k.warned = true
			slow = append(slow, k)
		default:
			r.arm(k.since) // the oldest comes first
		}
	}
	r.mu.Unlock()
	for _, k := range slow {
		c := k.c
		r.s.logThrottled(slog.LevelWarn, "chanx: handler is slow", c.mount.pattern+" "+k.what,
			c.logAttrs([]any{"action", k.what, "running", time.Since(k.since).Round(time.Millisecond)})...)
	}
}

// all returns the recorded calls, oldest first. The caller holds mu.
func (r *longCalls) all() []*longCall {
	all := slices.Concat(slices.Collect(maps.Keys(r.calls)), slices.Collect(maps.Values(r.queue)))
	slices.SortFunc(all, func(a, b *longCall) int { return a.since.Compare(b.since) })
	return all
}

// runs reports whether a call still runs.
func (k *longCall) runs() bool {
	if !k.queued {
		return true
	}
	_, no := k.c.refs.currentHandler()
	wire := k.c.transport()
	return no == k.no && wire != nil && wire.Busy()
}

func (r *longCalls) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Stop()
	}
}

// stillRunning lists the running calls for an error text, oldest first, or returns "".
func (s *Server) stillRunning() string {
	var all []*longCall
	for i := range s.longCalls {
		r := &s.longCalls[i]
		r.mu.Lock()
		all = append(all, slices.DeleteFunc(r.all(), func(k *longCall) bool { return !k.runs() })...)
		r.mu.Unlock()
	}
	if len(all) == 0 {
		return ""
	}
	slices.SortFunc(all, func(a, b *longCall) int {
		return cmp.Or(a.since.Compare(b.since), strings.Compare(a.c.ID(), b.c.ID()))
	})
	var b strings.Builder
	for i, k := range all[:min(len(all), maxListed)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s of connection %s since %s", k.what, k.c.ID(), k.since.Format(time.RFC3339))
	}
	if more := len(all) - maxListed; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return fmt.Sprintf(": %d still running: %s", len(all), b.String())
}
