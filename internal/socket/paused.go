package socket

import (
	"net"
	"syscall"
	"time"
)

// pauseReading pauses reading until the inbox has room. The pause does not count towards MessageTimeout, because the
// rest of an incomplete message may have arrived meanwhile.
func (c *Conn) pauseReading() {
	if c.flush(); c.phase == phaseStopped {
		return // a write has failed: resumeReading would not be called any more
	}
	c.up.counters.pauses.Add(1)
	room, begin := make(chan struct{}), time.Now()
	c.resume = room
	c.unlock()
	<-room
	c.mu.Lock()
	c.answerPing()
	c.limitUnacknowledged(0)
	if c.part != nil {
		c.part.since = c.part.since.Add(time.Since(begin))
	}
}

// resumeReading ends pauseReading.
func (c *Conn) resumeReading() {
	if c.paused() {
		close(c.resume)
		c.resume = nil
	}
}

// pingPaused checks the peer while reading is paused, and returns the time until the next check. It expects no pong,
// because a pong would wait after unread data. If the peer has closed the connection, its system answers the ping with
// a reset, and the next ping fails. If the peer's system is silent, ours gives up the connection after PongTimeout, and
// a ping fails too.
func (c *Conn) pingPaused() time.Duration {
	if c.writer != writerDraining { // else WriteTimeout watches
		c.sendPing()
	}
	o := &c.up.opt
	pings := (o.PongTimeout + o.PingInterval - 1) / o.PingInterval // so many that one falls due exactly PongTimeout after another
	return o.PongTimeout / pings
}

// lossProbeTime is about how long after sending a segment Linux starts to count TCP_USER_TIMEOUT: it starts when the
// segment is sent again after loss probes, each of which takes at least 200 ms.
const lossProbeTime = 500 * time.Millisecond

// limitUnacknowledged limits how long sent bytes may stay unacknowledged by the peer's system; 0 removes the limit. It
// does nothing if the system or the transport has no such limit. The limit is a little shorter than d, so that it has
// expired at the tick after d.
func (c *Conn) limitUnacknowledged(d time.Duration) {
	if c.unackedLimited == (d > 0) {
		return
	}
	c.unackedLimited = d > 0
	if d > 0 {
		d = max(d-c.up.wheel.every-lossProbeTime, d/2)
	}
	if rc, err := rawConnOf(c.nc); err == nil {
		_ = rc.Control(func(fd uintptr) { setUserTimeout(fd, d) }) // fails if closed; then nothing more is sent
	}
}

// rawConnOf returns the socket below a connection, also below TLS.
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
