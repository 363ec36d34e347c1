package socket

type itemKind uint8

const (
	noItem itemKind = iota
	messageItem
	eventItem
	endItem // the peer's Close frame, or its violation of the protocol: it is the last item
)

// An item is one element of a connection's queue: a message, an event, or the end item, which is the last one.
type item struct {
	kind     itemKind
	binary   bool
	owned    bool   // p is not part of a read buffer
	deflated bool   // p is compressed
	p        []byte // of a message
	e        any    // of an event
}

// An inbox holds the items that arrived while a handler ran, oldest first.
type inbox struct {
	items    []item
	bytes    int // of messages
	head     int32
	messages int32 // waiting
	events   int32 // waiting
}

func (q *inbox) full(o *Options) bool {
	return int(q.messages) >= o.InboxMessages || q.bytes >= o.InboxBytes
}

// push copies a message out of its read buffer, which goes back to the pool.
func (q *inbox) push(it item) {
	switch it.kind {
	case messageItem:
		if !it.owned {
			it.p, it.owned = append([]byte(nil), it.p...), true
		}
		q.messages++
		q.bytes += len(it.p)
	case eventItem:
		q.events++
	}
	if len(q.items) == cap(q.items) && int(q.head) > len(q.items)/2 {
		q.compact() // else a queue that never becomes empty would grow without limit
	}
	q.items = append(q.items, it)
}

func (q *inbox) compact() {
	n := copy(q.items, q.items[q.head:])
	clear(q.items[n:])
	q.items, q.head = q.items[:n], 0
}

func (q *inbox) pop() (item, bool) {
	if int(q.head) == len(q.items) {
		q.items, q.head = q.items[:0], 0
		return item{}, false
	}
	it := q.items[q.head]
	q.items[q.head] = item{}
	q.head++
	switch it.kind {
	case messageItem:
		q.messages--
		q.bytes -= len(it.p)
	case eventItem:
		q.events--
	}
	return it, true
}

// inFront inserts the items that fill pushes in front of the waiting items.
func (q *inbox) inFront(fill func()) {
	late := q.items[q.head:]
	q.items, q.head = nil, 0
	fill()
	q.items = append(q.items, late...)
}

// shrink frees the memory of an empty inbox.
func (q *inbox) shrink() {
	if int(q.head) == len(q.items) {
		q.items, q.head = nil, 0
	}
}
