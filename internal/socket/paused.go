package socket

import (
	"net"
	"syscall"
	"time"
)

// waitRoom pauses reading until the inbox has room. The time-out of an incomplete message stands still meanwhile, because
// the rest of it may have arrived.
func (c *Conn) pauseReading() {
	if c.flush(); c.stopped {
		return // a write has failed: nobody would end the waiting
	}
	c.up.counters.waits.Add(1)
	room, begin := make(chan struct{}), time.Now()
	c.resume = room
	c.unlock()
	<-room
	c.mu.Lock()
	c.readSincePing = true
	c.limitUnacknowledged(0)
	if c.part != nil {
		c.part.since = c.part.since.Add(time.Since(begin))
	}
}

// wakeReader ends waitRoom.
func (c *Conn) resumeReading() {
	if c.resume != nil {
		close(c.resume)
		c.resume = nil
	}
}

// paused reports whether the reader waits for room. The caller holds mu.
func (c *Conn) paused() bool { return c.resume != nil }

// probe looks for the peer while reading is paused, and returns when to look again. The peer's pong would stand behind
// unread data, so nobody waits for one. A ping makes the peer's system reset a connection that is closed there, and the
// next ping fails. If the peer's system is silent, ours gives the connection up after PongTimeout, and a ping fails too.
func (c *Conn) pingPaused() time.Duration {
	if !c.draining { // else WriteTimeout watches
		c.ping()
	}
	o := &c.up.opt
	pings := (o.PongTimeout + o.PingInterval - 1) / o.PingInterval // one comes when PongTimeout has passed since another
	return o.PongTimeout / pings
}

// beforeCounting is about how long after a segment Linux begins to count: when it sends the segment again after a loss
// probe, each of which takes 200 ms at least.
const lossProbeTime = 500 * time.Millisecond

// boundUnacknowledged limits how long sent bytes may stay unacknowledged by the peer's system; 0 removes the limit. It
// does nothing where the system or the transport has no such limit. The limit is a little shorter than d, so that it has
// passed when the tick after d comes.
func (c *Conn) limitUnacknowledged(d time.Duration) {
	if c.unackedLimited == (d > 0) {
		return
	}
	c.unackedLimited = d > 0
	if d > 0 {
		d = max(d-c.up.wheel.every-lossProbeTime, d/2)
	}
	if rc, err := rawConnOf(c.nc); err == nil {
		_ = rc.Control(func(fd uintptr) { setUserTimeout(fd, d) }) // fails when closed; then nothing is sent any more
	}
}

// rawOf finds the socket below a connection, also below TLS.
func rawConnOf(nc net.Conn) (syscall.RawConn, error) {
	for {
		switch c := nc.(type) {
		case syscall.Conn:
			return c.SyscallConn()
		case interface{ NetConn() net.Conn }:
			nc = c.NetConn()
		default:
			return nil, syscall.EINVAL
		}
	}
}
