package socket

import (
	"math/rand/v2"
	"sync"
	"time"
)

// A wheel is a timing wheel: it calls each connection's tick when that is due, to send a ping, to check that the peer
// has answered, or to replace an idle reader. One timer drives all slots. It runs only while there are connections.
type wheel struct {
	every time.Duration // from slot to slot

	mu    sync.Mutex
	timer *time.Timer
	slots []*Conn // heads of lists
	start time.Time
	turns int64 // since start
	conns int
}

// A wheelNode makes a connection an element of the list of a slot. It is guarded by the wheel's lock.
type wheelNode struct {
	prev, next *Conn
	at         int64 // the turn when it is due, which also gives its slot; 0: not on the wheel
}

const (
	ticksPerWait = 16   // resolution: slots in the shorter of PingInterval and PongTimeout
	maxSlots     = 1024 // if one of the two is much longer than the other, the resolution is coarser
)

func (w *wheel) init(o Options) {
	short, long := o.pingInterval(), o.pingInterval()
	if o.PongTimeout > 0 {
		short, long = min(short, o.PongTimeout), max(long, o.PongTimeout)
	}
	w.every = max(short/ticksPerWait, long/maxSlots, time.Millisecond)
	w.slots = make([]*Conn, long/w.every+3)
}

// pingInterval is never 0, because idle readers are replaced at this interval even if pings are off.
func (o *Options) pingInterval() time.Duration {
	if o.PingInterval == 0 {
		return defaultPingInterval
	}
	return o.PingInterval
}

// pingAfter is a jittered interval, so that connections which opened together do not stay in step.
func (o *Options) pingAfter() time.Duration {
	d := o.pingInterval()
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

// add schedules c's tick after d, rounded up. The caller holds c.mu.
func (w *wheel) add(c *Conn, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conns == 0 {
		w.start, w.turns = time.Now(), 0
		if w.timer == nil {
			w.timer = time.AfterFunc(w.every, w.turn)
		} else {
			w.timer.Reset(w.every)
		}
	}
	w.conns++
	at := max(int64((time.Since(w.start)+d-1)/w.every), w.turns) + 1
	head := w.slot(at)
	c.wheelNode = wheelNode{next: *head, at: at}
	if *head != nil {
		(*head).wheelNode.prev = c
	}
	*head = c
}

func (w *wheel) slot(at int64) **Conn { return &w.slots[at%int64(len(w.slots))] }

// remove does nothing for a connection that is not on the wheel.
func (w *wheel) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.wheelNode.at == 0 {
		return
	}
	w.unlink(c)
	if w.conns == 0 {
		w.timer.Stop()
	}
}

func (w *wheel) unlink(c *Conn) {
	k := &c.wheelNode
	if k.prev != nil {
		k.prev.wheelNode.next = k.next
	} else {
		*w.slot(k.at) = k.next
	}
	if k.next != nil {
		k.next.wheelNode.prev = k.prev
	}
	*k = wheelNode{}
	w.conns--
}

// turn ticks the connections of all slots whose time has come.
func (w *wheel) turn() {
	var due []*Conn
	w.mu.Lock()
	for now := int64(time.Since(w.start) / w.every); w.turns < now && w.conns > 0; {
		w.turns++
		for c := *w.slot(w.turns); c != nil; {
			next := c.wheelNode.next
			if c.wheelNode.at <= w.turns { // after a late timer the slot also holds connections of the next round
				w.unlink(c)
				due = append(due, c)
			}
			c = next
		}
	}
	if w.conns > 0 {
		w.timer.Reset(time.Duration(w.turns+1)*w.every - time.Since(w.start))
	}
	w.mu.Unlock()
	for _, c := range due {
		c.tick()
	}
}

// tick is called by the wheel.
func (c *Conn) tick() {
	c.mu.Lock()
	defer c.unlock()
	if d := c.heartbeat(); c.transport == transportOpen {
		c.up.wheel.add(c, d)
	}
}

// heartbeat sends a ping, or checks that the peer has answered the last one. It returns the time until the next tick.
func (c *Conn) heartbeat() time.Duration {
	o := &c.up.opt
	if c.input != inputParsed || c.handler == handlerNone {
		return o.pingAfter()
	}
	if c.writer == writerBroken && c.paused() { // no read will report the loss
		c.abort()
		return 0
	}
	if c.awaitsPong() {
		return c.checkPong()
	}
	c.replaceReader()
	if o.PingInterval == 0 || c.writer != writerIdle {
		return o.pingAfter()
	}
	c.sendPing()
	c.ping = pingSent
	if o.PongTimeout == 0 {
		return o.pingAfter()
	}
	return o.PongTimeout
}

func (c *Conn) sendPing() {
	if c.paused() {
		c.limitUnacknowledged(c.up.opt.PongTimeout)
	}
	c.reply(finPing, nil)
	c.flush()
}

// checkPong ends the connection if nothing has arrived since the last ping. While reading is paused, no pong can be
// read, and pingPaused checks the peer instead. While outgoing bytes wait, possibly the ping itself among them,
// WriteTimeout watches.
func (c *Conn) checkPong() time.Duration {
	o := &c.up.opt
	switch {
	case c.paused():
		return c.pingPaused()
	case c.writer == writerDraining:
		return o.PongTimeout
	case c.ping == pingSent:
		c.abort()
		return 0
	}
	c.ping = pingNone
	return max(o.pingAfter()-o.PongTimeout, c.up.wheel.every)
}

// answerPing records that bytes have arrived. It reports whether they are the first since the last ping.
func (c *Conn) answerPing() (first bool) {
	if c.ping != pingSent {
		return false
	}
	c.ping = pingAnswered
	return true
}

// renewReader reports whether the reader, which has read the answer to a ping, should continue in a fresh goroutine,
// because reading has grown its stack. A reader that has called handlers keeps its stack until replaceReader replaces
// it.
func (c *Conn) renewReader() bool {
	if c.stackGrown || c.runner != runnerNone {
		return false
	}
	c.up.counters.replacements.Add(1)
	return true
}

// replaceReader frees the stack that a reader's handlers have grown, and the memory of the inbox, if nothing ran since
// the last tick. Only a fresh goroutine has a small stack. The read deadline in the past loses no bytes: a read returns
// either data or the error.
func (c *Conn) replaceReader() {
	if c.stackGrown && c.runner == runnerNone && c.runNo == c.tickRunNo {
		c.inbox.shrink()
		_ = c.nc.SetReadDeadline(c.up.epoch) // fails if closed; then no reader waits
	}
	c.tickRunNo = c.runNo
}
