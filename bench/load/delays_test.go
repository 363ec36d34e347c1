//go:build linux

package load

import (
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	var d Delays
	if got := d.Quantile(0.5); got != 0 {
		t.Errorf("of nothing it is %s", got)
	}
	d.add(7*time.Microsecond+999, 1)
	d.add(3*time.Microsecond, 97)
	d.add(20*time.Millisecond, 2)
	for part, want := range map[float64]time.Duration{
		0: 3 * time.Microsecond, 0.97: 3 * time.Microsecond, 0.975: 7 * time.Microsecond, 0.99: 20 * time.Millisecond, 1: 20 * time.Millisecond,
	} {
		if got := d.Quantile(part); got != want {
			t.Errorf("%v of the deliveries took at most %s, not %s", part, got, want)
		}
	}
}

func TestDelaysAreThoseOfDeliveries(t *testing.T) {
	talk := talk
	talk.Deflate, talk.Say.Ack = true, "ok"
	said, ack := deflated(t, "said by you"), deflated(t, "ok")
	head := agreed + "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n"
	l, err := open(t, talk, head, aMinute, func(m string) []byte {
		if m == talk.Echo.Send {
			return text("echo!")
		}
		return frames(said, ack)
	})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	l.Delays = &Delays{}
	if _, err := l.Echo(0, 1); err != nil {
		t.Fatal(err)
	}
	for range 3 { // what is compressed is inflated the first time only
		if _, err := l.Say(0, 2); err != nil {
			t.Fatal(err)
		}
	}
	if l.Delays.all != 6 {
		t.Errorf("the delays of %d deliveries are known, not of 6", l.Delays.all)
	}
	if l.Delays.Quantile(1) > time.Since(began) {
		t.Errorf("a delivery took %s, longer than the test", l.Delays.Quantile(1))
	}
}
