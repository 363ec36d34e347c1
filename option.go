package chanx

import (
	"fmt"
	"time"
)

// HandlerOption is an option of On, OnRequest, OnStream and OnEvent.
type HandlerOption interface{ applyHandler(*handlerOptions) }

// MessageOption is an option of Sends and Broadcasts.
type MessageOption interface{ applyMessage(*messageOptions) }

// documentation is what documents say of a message or event besides its type.
type documentation struct {
	description string
	deprecated  bool
}

type messageOptions struct {
	documentation
	droppable bool
}

type handlerOptions struct {
	documentation
	timeout    time.Duration // 0 is the server's
	concurrent int
	failures   []failure
}

// failure is an error that a handler may tell the client.
type failure struct{ reason, doc string }

// DocOption is an option that handlers and messages have in common.
type DocOption interface {
	HandlerOption
	MessageOption
}

type docOption func(*documentation)

func (o docOption) applyHandler(h *handlerOptions) { o(&h.documentation) }
func (o docOption) applyMessage(m *messageOptions) { o(&m.documentation) }

// Describe says in documents what a message is for.
func Describe(text string) DocOption {
	return docOption(func(d *documentation) { d.description = text })
}

// Deprecated says in documents that a message should not be used any more.
func Deprecated() DocOption { return docOption(func(d *documentation) { d.deprecated = true }) }

type messageOption func(*messageOptions)

func (o messageOption) applyMessage(m *messageOptions) { o(m) }

type handlerOption func(*handlerOptions)

func (o handlerOption) applyHandler(h *handlerOptions) { o(h) }

// Timeout is how long the handler may take, a stream included, in place of Limits.HandlerTimeout; zero is that of the
// server, a negative one no limit. It begins when the handler does. Then its context ends, and an error that it returns is
// told as "timeout".
func Timeout(d time.Duration) HandlerOption {
	return handlerOption(func(h *handlerOptions) { h.timeout = d })
}

// Concurrent lets up to n calls of the handler run beside the connection's queue, each in a goroutine of its own: they
// must not touch the connection's state without a lock. A further call waits, and with it the queue. Together with
// streams there are no more than Limits.MaxConcurrent: one more is told "too_busy".
func Concurrent(n int) HandlerOption {
	if n < 1 {
		panic(fmt.Sprintf("chanx: register handler: Concurrent(%d): it must be at least 1", n))
	}
	return handlerOption(func(h *handlerOptions) { h.concurrent = n })
}

// Fails says in documents that the handler may tell the client an error with that reason. It may be given several times.
func Fails(reason, doc string) HandlerOption {
	if reason == "" {
		panic("chanx: register handler: Fails: the reason is empty: use that of the handler's Errorf")
	}
	return handlerOption(func(h *handlerOptions) { h.failures = append(h.failures, failure{reason, doc}) })
}

func newHandlerOptions(all []HandlerOption) (h handlerOptions) {
	for _, o := range all {
		o.applyHandler(&h)
	}
	return h
}

func newMessageOptions(all []MessageOption) (m messageOptions) {
	for _, o := range all {
		o.applyMessage(&m)
	}
	return m
}

// merge adds what a second declaration says.
func (m *messageOptions) merge(o messageOptions) {
	if o.description != "" {
		m.description = o.description
	}
	m.deprecated = m.deprecated || o.deprecated
	m.droppable = m.droppable || o.droppable
}
