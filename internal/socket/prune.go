package socket

import "slices"

// An index finds what may be superseded in a queue, and knows of its holes. A connection has one while it needs it.
//
// A chunk that is discarded leaves a hole in the queue, so that the others stay where they are: a queue may hold thousands,
// and there may be many slow clients, whose frames must cost no more than those of others. The first chunk is no hole.
type index struct {
	latest map[string]int // by key: the newest chunk of the queue that has it, counted like base
	base   int            // chunks that were in front of the queue since there is an index
	holes  int            // chunks of the queue that were discarded
}

func (c *Conn) indexed() *index {
	if c.index == nil {
		c.index = &index{latest: map[string]int{}}
	}
	return c.index
}

// makeRoom discards droppable frames, oldest first, until n more bytes fit, and an eighth of the queue besides: the next
// frames need not look for them again.
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

// admitFrames is admit for frames of n bytes. Droppable ones for which nothing can make room are left out, oldest first.
func (c *Conn) admitFrames(fs []Frame, n int) ([]Frame, error) {
	if !c.writeDone && !c.hasRoom(n) && slices.ContainsFunc(fs, func(f Frame) bool { return f.droppable }) {
		if c.flush(); !c.broken {
			c.makeRoom(n)
			fs, n = c.leaveOut(fs, n)
		}
	}
	if len(fs) == 0 && !c.writeDone && !c.broken {
		return nil, nil
	}
	return fs, c.admit(n)
}

// spare leaves fs alone, which belongs to the caller.
func (c *Conn) leaveOut(fs []Frame, n int) (left []Frame, _ int) {
	gone := false
	for _, f := range fs {
		if gone = gone && f.tied || f.droppable && !c.hasRoom(n); gone {
			n -= len(f.b)
		} else {
			left = append(left, f)
		}
	}
	c.drop(DroppedFrames, len(fs)-len(left))
	return left, n
}

// supersede discards what waits with that key, to make place for something newer.
func (c *Conn) supersede(key string) {
	if c.index == nil {
		return
	}
	at, waits := c.index.latest[key]
	if i := at - c.index.base; waits && i >= int(c.inFlight) && !c.writeDone { // else nothing newer comes
		c.drop(SupersededFrames, c.discardChunk(i))
		c.compact()
	}
}

// remember notes the key of the chunk that comes next.
func (c *Conn) indexNext(key string) {
	if key != "" {
		x := c.indexed()
		x.latest[key] = x.base + len(c.q)
	}
}

// forget is remember's opposite, for any chunk.
func (c *Conn) unindex(i int) {
	if x, key := c.index, c.q[i].key; x != nil && key != "" && x.latest[key] == x.base+i {
		delete(x.latest, key)
	}
}

// leaves is called before the first chunk leaves the queue.
func (c *Conn) dropFirst() {
	if c.index == nil {
		return
	}
	c.unindex(0)
	c.index.base++
	if len(c.q[0].b) == 0 {
		c.index.holes--
	}
}

// discard makes holes of a chunk and of what is tied to it, and returns how many.
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

// tidy closes the holes in front, where there must be something to write, and all of them when there are many.
func (c *Conn) compact() {
	if c.inFlight == 0 {
		c.advance(0)
	}
	if x := c.index; x != nil && x.holes > 0 && 2*x.holes >= len(c.q) {
		c.removeHoles(x)
	}
	c.wakeWriters()
}

// closeHoles leaves alone what is being written.
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
