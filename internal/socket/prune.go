package socket

import "slices"

// A chunk that is discarded leaves a hole in the queue, so that the others stay where they are: a queue may hold thousands,
// and there may be many slow clients, whose frames must cost no more than those of others. The first chunk is no hole.

// makeRoom discards droppable frames, oldest first, until n more bytes fit, and an eighth of the queue besides: the next
// frames need not look for them again.
func (c *Conn) makeRoom(n int) {
	gone, most := 0, c.up.opt.SendQueueBytes
	for i := c.flying; i < len(c.q) && n+most/8 > most-c.queued; i++ {
		if c.q[i].droppable {
			gone += c.discard(i)
		}
	}
	c.drop(DroppedFrames, gone)
	c.tidy()
}

// admitFrames is admit for frames of n bytes. Droppable ones for which nothing can make room are left out, oldest first.
func (c *Conn) admitFrames(fs []Frame, n int) ([]Frame, error) {
	if !c.sealed && !c.fitsIn(n) && slices.ContainsFunc(fs, func(f Frame) bool { return f.droppable }) {
		if c.flush(); !c.broken {
			c.makeRoom(n)
			fs, n = c.spare(fs, n)
		}
	}
	if len(fs) == 0 && !c.sealed && !c.broken {
		return nil, nil
	}
	return fs, c.admit(n)
}

// spare leaves fs alone, which belongs to the caller.
func (c *Conn) spare(fs []Frame, n int) (left []Frame, _ int) {
	gone := false
	for _, f := range fs {
		if gone = gone && f.tied || f.droppable && !c.fitsIn(n); gone {
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
	at, waits := c.latest[key]
	if i := at - c.base; waits && i >= c.flying && !c.sealed { // else nothing newer comes
		c.drop(SupersededFrames, c.discard(i))
		c.tidy()
	}
}

// remember notes the key of the chunk that comes next.
func (c *Conn) remember(key string) {
	if key == "" {
		return
	}
	if c.latest == nil {
		c.latest = map[string]int{}
	}
	c.latest[key] = c.base + len(c.q)
}

// forget is remember's opposite, for any chunk.
func (c *Conn) forget(i int) {
	if key := c.q[i].key; key != "" && c.latest[key] == c.base+i {
		delete(c.latest, key)
	}
}

// leaves is called before the first chunk leaves the queue.
func (c *Conn) leaves() {
	c.forget(0)
	if len(c.q[0].b) == 0 {
		c.holes--
	}
}

// discard makes holes of a chunk and of what is tied to it, and returns how many.
func (c *Conn) discard(i int) (gone int) {
	c.forget(i)
	for more := true; more; more = i < len(c.q) && c.q[i].tied {
		c.queued -= len(c.q[i].b)
		c.q[i] = chunk{}
		gone++
		i++
	}
	c.holes += gone
	return gone
}

// tidy closes the holes in front, where there must be something to write, and all of them when there are many.
func (c *Conn) tidy() {
	if c.flying == 0 {
		c.written(0)
	}
	if c.holes > 0 && 2*c.holes >= len(c.q) {
		c.closeHoles()
	}
	c.wakeWriters()
}

// closeHoles leaves alone what is being written.
func (c *Conn) closeHoles() {
	kept := c.q[:c.flying]
	for i, k := range c.q[c.flying:] {
		switch at := c.base + c.flying + i; {
		case len(k.b) == 0:
			c.holes--
			continue
		case k.key != "" && c.latest[k.key] == at:
			c.latest[k.key] = c.base + len(kept)
		}
		kept = append(kept, k)
	}
	clear(c.q[len(kept):])
	c.q = kept
}
