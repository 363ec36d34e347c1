package chanx

import "time"

// Rate is how many messages a connection may send: Burst at once, and PerSecond in the long run. A PerSecond of zero or
// less is no limit; a Burst below one is PerSecond, and at least one.
//
// Every message counts: binary and invalid ones too, because a message is counted before it is decoded, and cancels, which
// are obeyed beyond the rate as well. A connection whose messages have been refused for a minute is closed with 1008. The
// minute begins anew after five seconds without a refused message, or when the client has sent nothing for as long as it
// takes to regain Burst, at least a second: a client that is over its rate now and then is never closed.
type Rate struct {
	PerSecond float64
	Burst     int
}

// bucket is what a connection has left of its rate. It belongs to the goroutine that handles messages.
type bucket struct {
	used  float64 // messages that have not been forgotten yet
	since time.Time

	refusing, refused time.Time // the first and the last message that was refused, without a pause between
}

const (
	refusedFor   = time.Minute
	refusedPause = 5 * time.Second
)

// take reports whether there may be another message now.
func (b *bucket) take(r *Rate) bool {
	now := time.Now()
	quiet := now.Sub(b.since).Seconds()
	b.used = max(0, b.used-quiet*r.PerSecond)
	b.since = now
	if quiet >= max(1, r.burst()/r.PerSecond) || now.Sub(b.refused) >= refusedPause {
		b.refusing = now
	}
	if b.used+1 > r.burst() {
		b.refused = now
		return false
	}
	b.used++
	return true
}

// isFlood reports, of a message that is refused, whether its client goes on beyond its rate for too long.
func (b *bucket) isFlood() bool { return b.refused.Sub(b.refusing) >= refusedFor }

func (r *Rate) burst() float64 {
	if r.Burst >= 1 {
		return float64(r.Burst)
	}
	return max(1, r.PerSecond)
}
