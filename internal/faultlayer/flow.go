package faultlayer

import (
	"encoding/binary"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// source identifies publications whose order must be kept: those of one link to one subject.
type source struct {
	from    int
	subject string
}

// flow holds the delayed publications of a source. It exists until the last one has arrived.
type flow struct {
	source
	waiting []delayed
	timer   *time.Timer
}

type delayed struct {
	due  time.Time
	data []byte
}

// arrive receives a publication from the inner layer.
func (k *link) arrive(subject string, data []byte) {
	no, n := binary.Uvarint(data)
	if n <= 0 {
		panic("faultlayer: receive: the publication comes from a link that was not opened on this layer")
	}
	src, data := source{int(no), subject}, data[n:]
	if k.refused(Publish) != nil || k.isFrozen() {
		return // Up will report a gap
	}
	var f Fate
	if k.layer.faults.Deliver != nil {
		f = k.layer.faults.Deliver(Delivery{src.from, k.no, subject, data})
	}
	if f.Drop {
		k.notify(layer.Status{Up: true, Gap: true})
		return
	}
	for range 1 + f.Copies {
		switch {
		case f.Overtake && f.Delay > 0:
			time.AfterFunc(f.Delay, func() { k.deliver(subject, data) })
		case f.Overtake || !k.enqueue(src, f.Delay, data):
			k.deliver(subject, data)
		}
	}
}

func (k *link) isFrozen() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.frozen != nil
}

// enqueue delays a publication until it is due and earlier ones have arrived. It returns false if there is nothing to wait for.
func (k *link) enqueue(src source, delay time.Duration, data []byte) bool {
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
	f.waiting = append(f.waiting, delayed{due, data})
	return true
}

// flush delivers the publications that are due, and sets the timer for the next one.
func (k *link) flush(f *flow) {
	for data, ok := k.due(f); ok; data, ok = k.due(f) {
		k.deliver(f.subject, data)
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

// dropDelayed loses all delayed publications. The caller holds mu.
func (k *link) dropDelayed() {
	for _, f := range k.flows {
		f.timer.Stop()
	}
	clear(k.flows)
}

// deliver passes a publication to the receiver, one at a time.
func (k *link) deliver(subject string, data []byte) {
	k.calling.Lock()
	defer k.calling.Unlock()
	if k.refused(Publish) == nil {
		k.receiver.Receive(subject, data)
	}
}
