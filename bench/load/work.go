//go:build linux

package load

import (
	"bytes"
	"time"
)

// burstOf is n frames of a message, sent in one write.
func burstOf(message string, n int) []byte {
	return bytes.Repeat(appendFrame(nil, opText, message), n)
}

// Echo lets every connection send burst messages in one write, and again after all replies, until the time is over and all
// replies have arrived. It returns the number of replies.
func (l *Load) Echo(d time.Duration, burst int) (int, error) {
	l.hears, l.sender = &l.talk.Echo, nil
	frames, n := burstOf(l.talk.Echo.Send, burst), 0
	give := func(c *conn) error {
		l.expect(c, burst)
		return send(c.fd, frames)
	}
	for _, c := range l.conns {
		if err := give(c); err != nil {
			return 0, err
		}
	}
	end := time.Now().Add(d)
	err := l.drive(func(c *conn) error {
		n += burst
		if time.Now().After(end) {
			return nil
		}
		return give(c)
	})
	return n, err
}

// Say lets one connection after the other send burst messages in one write to all, the next one when all connections have
// received them, until the time is over. It returns the number of deliveries.
func (l *Load) Say(d time.Duration, burst int) (int, error) {
	l.hears = &l.talk.Say
	frames, n := burstOf(l.talk.Say.Send, burst), 0
	for end := time.Now().Add(d); n == 0 || time.Now().Before(end); n++ {
		if err := l.say(l.conns[n%len(l.conns)], frames, burst); err != nil {
			return 0, err
		}
	}
	return n * burst * len(l.conns), nil
}

func (l *Load) say(sender *conn, frames []byte, burst int) error {
	l.sender = sender
	for _, c := range l.conns {
		l.expect(c, burst)
	}
	if l.hears.Ack != "" {
		l.expect(sender, burst)
	}
	l.said = time.Now()
	if err := send(sender.fd, frames); err != nil {
		return err
	}
	return l.drive(func(*conn) error { return nil })
}

// Idle sends nothing for that time, but answers pings and heartbeats, at least those already received.
func (l *Load) Idle(d time.Duration) error {
	for end := time.Now().Add(d); ; {
		left := max(time.Until(end), 0)
		n, err := l.poll(left)
		if err != nil {
			return err
		}
		if err := l.handle(n, func(*conn) error { return nil }); err != nil {
			return err
		}
		if left == 0 {
			return nil
		}
	}
}
