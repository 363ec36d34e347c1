package layertest_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// fault changes what a receiver is told, or what a link does.
type fault struct {
	receiver func(r layer.Receiver) layer.Receiver
	link     func(k *link)

	oblivious bool // the layer does not notice that the broker is silent
}

// receiving makes a fault of what happens to each publication on its way to the receiver.
func receiving(make func(receive func(string, []byte)) func(string, []byte)) fault {
	return fault{receiver: func(r layer.Receiver) layer.Receiver {
		r.Receive = make(r.Receive)
		return r
	}}
}

// renaming makes a fault of a layer that takes some subjects for one: publications come under the name that was
// subscribed to last.
func renaming(rename func(string) string) fault {
	var names sync.Map
	return fault{
		receiver: func(r layer.Receiver) layer.Receiver {
			receive := r.Receive
			r.Receive = func(subject string, data []byte) {
				if name, ok := names.Load(subject); ok {
					subject = name.(string)
				}
				receive(subject, data)
			}
			return r
		},
		link: func(k *link) {
			k.publish = func(ctx context.Context, subject string, data []byte) error {
				return k.Link.Publish(ctx, rename(subject), data)
			}
			k.subscribe = func(ctx context.Context, subject string) error {
				names.Store(rename(subject), subject)
				return k.Link.Subscribe(ctx, rename(subject))
			}
		},
	}
}

var faults = map[string]fault{
	"reorders": receiving(func(receive func(string, []byte)) func(string, []byte) {
		var mu sync.Mutex
		held := map[string][]byte{}
		return func(subject string, data []byte) {
			mu.Lock()
			defer mu.Unlock()
			first, any := held[subject]
			if any = any || strings.HasSuffix(string(data), strconv.Itoa(1<<30)); !any {
				held[subject] = data
				return
			}
			delete(held, subject)
			receive(subject, data)
			if first != nil {
				receive(subject, first)
			}
		}
	}),
	"repeats": receiving(func(receive func(string, []byte)) func(string, []byte) {
		return func(subject string, data []byte) {
			receive(subject, data)
			receive(subject, data)
		}
	}),
	"loses": receiving(func(receive func(string, []byte)) func(string, []byte) {
		var n atomic.Int64
		return func(subject string, data []byte) {
			if n.Add(1)%10 != 0 {
				receive(subject, data)
			}
		}
	}),
	"truncates data": receiving(func(receive func(string, []byte)) func(string, []byte) {
		return func(subject string, data []byte) { receive(subject, data[:min(len(data), 1<<16)]) }
	}),
	"reuses": receiving(func(receive func(string, []byte)) func(string, []byte) {
		var mu sync.Mutex
		buffer := make([]byte, 0, 1<<21)
		return func(subject string, data []byte) {
			mu.Lock()
			defer mu.Unlock()
			buffer = append(buffer[:0], data...)
			receive(subject, buffer)
		}
	}),
	"overlaps": receiving(func(receive func(string, []byte)) func(string, []byte) {
		return func(subject string, data []byte) { go receive(subject, data) }
	}),
	notIsolated: {},
	"subscribes late": {link: func(k *link) {
		k.subscribe = func(ctx context.Context, subject string) error {
			time.AfterFunc(50*time.Millisecond, func() { _ = k.Link.Subscribe(context.WithoutCancel(ctx), subject) })
			return nil
		}
	}},
	"never unsubscribes": {link: func(k *link) { k.unsubscribe = func(context.Context, string) error { return nil } }},
	"subscribes twice":   subscribesTwice(),
	"escapes badly":      renaming(func(s string) string { return strings.ReplaceAll(s, " ", "-") }),
	"ignores case":       renaming(strings.ToLower),
	"truncates names":    renaming(func(s string) string { return s[:min(len(s), 254)] }),
	"aliases":            aliases(),
	"queues for all":     queuesForAll(),
	"does not close":     doesNotClose(),
	"closes softly": {link: func(k *link) {
		k.unsubscribe = func(ctx context.Context, subject string) error {
			if err := k.Link.Unsubscribe(ctx, subject); !errors.Is(err, layer.ErrClosed) {
				return err
			}
			return nil
		}
	}},
	"waits on": {link: func(k *link) {
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			if ctx.Err() != nil {
				<-time.After(2 * brokenWait)
			}
			return k.Link.Publish(ctx, subject, data)
		}
	}},
	"leaks": {link: func(*link) { go func() { select {} }() }},
	"hides the cause": {link: func(k *link) {
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			if err := k.Link.Publish(ctx, subject, data); err != nil {
				return errors.New("it failed")
			}
			return nil
		}
	}},
	"hides gaps":    telling(func(tell func(layer.Status), s layer.Status) { tell(layer.Status{Up: s.Up, Err: s.Err}) }),
	"tells nothing": telling(func(func(layer.Status), layer.Status) {}),
	"tells twice at once": telling(func(tell func(layer.Status), s layer.Status) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { tell(s) })
		}
		wg.Wait()
	}),
	"forgets while down": {link: func(k *link) {
		k.subscribe = func(ctx context.Context, subject string) error {
			err := k.Link.Subscribe(ctx, subject)
			if err != nil {
				_ = k.Link.Unsubscribe(ctx, subject)
			}
			return err
		}
	}},
	"remembers while down": {link: func(k *link) {
		k.unsubscribe = func(ctx context.Context, subject string) error {
			if err := k.Link.Subscribe(ctx, subject); err != nil {
				return err
			}
			return k.Link.Unsubscribe(ctx, subject)
		}
	}},
	"does not notice silence": {oblivious: true},
	"waits for answers": {link: func(k *link) {
		k.subscribe = func(ctx context.Context, subject string) error {
			return k.Link.Subscribe(context.WithoutCancel(ctx), subject)
		}
	}, oblivious: true},
	"believes strangers": {receiver: func(r layer.Receiver) layer.Receiver {
		receive := r.Receive
		r.Receive = func(subject string, data []byte) {
			if receive(subject, data); len(data) > 4096 && data[0] == '+' {
				r.Status(layer.Status{Err: errTest})
			}
		}
		return r
	}},
	"tells after Close": {link: func(k *link) { k.close = func(context.Context) error { return nil } }},
}

func telling(what func(tell func(layer.Status), s layer.Status)) fault {
	return fault{receiver: func(r layer.Receiver) layer.Receiver {
		tell := r.Status
		r.Status = func(s layer.Status) { what(tell, s) }
		return r
	}}
}

// subscribesTwice gives as many copies as there were calls of Subscribe.
func subscribesTwice() fault {
	var counts sync.Map
	f := receiving(func(receive func(string, []byte)) func(string, []byte) {
		return func(subject string, data []byte) {
			n, _ := counts.LoadOrStore(subject, &atomic.Int64{})
			for range min(n.(*atomic.Int64).Load(), 2) {
				receive(subject, data)
			}
		}
	})
	f.link = func(k *link) {
		k.subscribe = func(ctx context.Context, subject string) error {
			n, _ := counts.LoadOrStore(subject, &atomic.Int64{})
			n.(*atomic.Int64).Add(1)
			return k.Link.Subscribe(ctx, subject)
		}
	}
	return f
}

// aliases sends what is in the publisher's data at the next publication.
func aliases() fault {
	return fault{link: func(k *link) {
		var mu sync.Mutex
		var last []byte
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			mu.Lock()
			defer mu.Unlock()
			if last != nil {
				if err := k.Link.Publish(ctx, subject, last); err != nil {
					return err
				}
			}
			if last = data; string(data) == "end" {
				return k.Link.Publish(ctx, subject, data)
			}
			return nil
		}
	}}
}

// queuesForAll has one lock for all receivers.
func queuesForAll() fault {
	var mu sync.Mutex
	return receiving(func(receive func(string, []byte)) func(string, []byte) {
		return func(subject string, data []byte) {
			mu.Lock()
			defer mu.Unlock()
			receive(subject, data)
		}
	})
}

// doesNotClose only has its methods say that they have.
func doesNotClose() fault {
	return fault{link: func(k *link) {
		var closed atomic.Bool
		refused := func(do func() error) error {
			if closed.Load() {
				return layer.ErrClosed
			}
			return do()
		}
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			return refused(func() error { return k.Link.Publish(ctx, subject, data) })
		}
		k.subscribe = func(ctx context.Context, subject string) error {
			return refused(func() error { return k.Link.Subscribe(ctx, subject) })
		}
		k.unsubscribe = func(ctx context.Context, subject string) error {
			return refused(func() error { return k.Link.Unsubscribe(ctx, subject) })
		}
		k.close = func(context.Context) error {
			closed.Store(true)
			return nil
		}
	}}
}
