package chanx

import "time"

// Rate is how many messages a connection may send: Burst at once, and PerSecond in the long run. A PerSecond of zero or
// less is no limit; a Burst below one is PerSecond, and at least one.
type Rate struct {
	PerSecond float64
	Burst     int
}

// bucket is what a connection has left of its rate. It belongs to the goroutine that handles messages.
type bucket struct {
	used  float64 // messages that have not been forgotten yet
	since time.Time
}

// take reports whether there may be another message now.
func (b *bucket) take(r *Rate) bool {
	now := time.Now()
	b.used = max(0, b.used-now.Sub(b.since).Seconds()*r.PerSecond)
	b.since = now
	if b.used+1 > r.burst() {
		return false
	}
	b.used++
	return true
}

func (r *Rate) burst() float64 {
	if r.Burst >= 1 {
		return float64(r.Burst)
	}
	return max(1, r.PerSecond)
}
