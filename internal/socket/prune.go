package socket

import "slices"

// An index finds superseded chunks in a send queue by key, and counts the queue's holes. A connection has one only
// while it needs it.
//
// A discarded chunk leaves a hole in the queue, so that the other chunks keep their positions: a queue may hold
// thousands of chunks, and to move them for every discarded one would be slow. The first chunk is never a hole.
type index struct {
	latest map[string]int // by key: position of the newest chunk with that key, counted from where base counts
	base   int            // chunks that have left the front of the queue since the index was made
	holes  int            // discarded chunks that are still in the queue
}

func (c *Conn) indexed() *index {
	if c.index == nil {
		c.index = &index{latest: map[string]int{}}
	}
	return c.index
}

// makeRoom discards droppable messages, oldest first, until n more bytes fit. It frees another eighth of the queue, so
// that the next messages need no search.
func (c *Conn) makeRoom(n int) {
	gone, most := 0, c.up.opt.SendQueueBytes
	for i := int(c.inFlight); i < len(c.q) && n+most/8 > most-c.queued; i++ {
		if c.q[i].droppable {
			gone += c.discardChunk(i)
		}
	}
	c.drop(DroppedFrames, gone)
	c.compact()
}

// admitAll is admit for messages of n bytes together. If the queue cannot make room, it leaves out droppable ones,
// oldest first.
func (c *Conn) admitAll(ps []Prepared, n int) ([]Prepared, error) {
	if c.canWrite() && !c.hasRoom(n) && slices.ContainsFunc(ps, func(p Prepared) bool { return p.droppable }) {
		if c.flush(); c.writer != writerBroken {
			c.makeRoom(n)
			ps, n = c.leaveOut(ps, n)
		}
	}
	if len(ps) == 0 && c.canWrite() {
		return nil, nil
	}
	return ps, c.admit(n)
}

// leaveOut returns the messages without the droppable ones that do not fit. It does not modify ps, which belongs to the
// caller.
func (c *Conn) leaveOut(ps []Prepared, n int) (left []Prepared, _ int) {
	gone := false
	for _, p := range ps {
		if gone = gone && p.tied || p.droppable && !c.hasRoom(n); gone {
			n -= len(p.b)
		} else {
			left = append(left, p)
		}
	}
	c.drop(DroppedFrames, len(ps)-len(left))
	return left, n
}

// supersede discards the queued message with that key, because a newer one follows.
func (c *Conn) supersede(key string) {
	if c.index == nil {
		return
	}
	at, waits := c.index.latest[key]
	if i := at - c.index.base; waits && i >= int(c.inFlight) && c.canWrite() { // else no newer one follows
		c.drop(SupersededFrames, c.discardChunk(i))
		c.compact()
	}
}

// indexNext records the key of the chunk that is appended next.
func (c *Conn) indexNext(key string) {
	if key != "" {
		x := c.indexed()
		x.latest[key] = x.base + len(c.q)
	}
}

// unindex removes the key of chunk i, if that is the newest chunk with this key.
func (c *Conn) unindex(i int) {
	if x, key := c.index, c.q[i].key; x != nil && key != "" && x.latest[key] == x.base+i {
		delete(x.latest, key)
	}
}

// unindexFirst is called before the first chunk leaves the queue.
func (c *Conn) unindexFirst() {
	if c.index == nil {
		return
	}
	c.unindex(0)
	c.index.base++
	if len(c.q[0].b) == 0 {
		c.index.holes--
	}
}

// discardChunk turns chunk i and the chunks tied to it into holes, and returns their number.
func (c *Conn) discardChunk(i int) (gone int) {
	c.unindex(i)
	for more := true; more; more = i < len(c.q) && c.q[i].tied {
		c.queued -= len(c.q[i].b)
		c.q[i] = chunk{}
		gone++
		i++
	}
	c.indexed().holes += gone
	return gone
}

// compact removes the holes at the front of the queue, where the next write starts, and all holes when at least half of
// the chunks are holes.
func (c *Conn) compact() {
	if c.inFlight == 0 {
		c.advance(0)
	}
	if x := c.index; x != nil && x.holes > 0 && 2*x.holes >= len(c.q) {
		c.removeHoles(x)
	}
	c.wakeWriters()
}

// removeHoles does not touch chunks that are being written.
func (c *Conn) removeHoles(x *index) {
	kept := c.q[:c.inFlight]
	for i, k := range c.q[c.inFlight:] {
		switch at := x.base + int(c.inFlight) + i; {
		case len(k.b) == 0:
			x.holes--
			continue
		case k.key != "" && x.latest[k.key] == at:
			x.latest[k.key] = x.base + len(kept)
		}
		kept = append(kept, k)
	}
	clear(c.q[len(kept):])
	c.q = kept
}
