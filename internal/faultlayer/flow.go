package faultlayer

import (
	"encoding/binary"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// source is where the order of publications is to be kept: what one link publishes to one subject.
type source struct {
	from    int
	subject string
}

// flow is what waits of a source. It exists until the last has arrived.
type flow struct {
	source
	waiting []late
	timer   *time.Timer
}

type late struct {
	due  time.Time
	data []byte
}

// arrive takes a publication of the inner layer.
func (k *link) arrive(subject string, data []byte) {
	no, n := binary.Uvarint(data)
	if n <= 0 {
		panic("faultlayer: receive: the publication is of a link that was not opened on this layer")
	}
	src, data := source{int(no), subject}, data[n:]
	if k.refused(Publish) != nil || k.isFrozen() {
		return // Up will tell of a gap
	}
	var f Fate
	if k.layer.faults.Deliver != nil {
		f = k.layer.faults.Deliver(Delivery{src.from, k.no, subject, data})
	}
	if f.Drop {
		k.tell(layer.Status{Up: true, Gap: true})
		return
	}
	for range 1 + f.Copies {
		switch {
		case f.Overtake && f.Delay > 0:
			time.AfterFunc(f.Delay, func() { k.hand(subject, data) })
		case f.Overtake || !k.wait(src, f.Delay, data):
			k.hand(subject, data)
		}
	}
}

func (k *link) isFrozen() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.frozen != nil
}

// wait lets a publication wait for its time and for those before it. It reports false if there is nothing to wait for.
func (k *link) wait(src source, delay time.Duration, data []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.flows[src]
	if f == nil && delay <= 0 {
		return false
	}
	due := time.Now().Add(delay)
	if f == nil {
		f = &flow{source: src}
		f.timer = time.AfterFunc(delay, func() { k.flush(f) })
		k.flows[src] = f
	} else if n := len(f.waiting); n > 0 && f.waiting[n-1].due.After(due) {
		due = f.waiting[n-1].due
	}
	f.waiting = append(f.waiting, late{due, data})
	return true
}

// flush hands over what is due, and sets the timer for the rest.
func (k *link) flush(f *flow) {
	for data, ok := k.due(f); ok; data, ok = k.due(f) {
		k.hand(f.subject, data)
	}
}

func (k *link) due(f *flow) (data []byte, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flows[f.source] != f {
		return nil, false // the link went down, or was closed
	}
	if len(f.waiting) == 0 {
		delete(k.flows, f.source)
		return nil, false
	}
	if left := time.Until(f.waiting[0].due); left > 0 {
		f.timer.Reset(left)
		return nil, false
	}
	data, f.waiting = f.waiting[0].data, f.waiting[1:]
	return data, true
}

// forget loses all that waits. The caller holds mu.
func (k *link) forget() {
	for _, f := range k.flows {
		f.timer.Stop()
	}
	clear(k.flows)
}

// hand gives a publication to the receiver, one at a time.
func (k *link) hand(subject string, data []byte) {
	k.calling.Lock()
	defer k.calling.Unlock()
	if k.refused(Publish) == nil {
		k.receiver.Receive(subject, data)
	}
}
