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

// fault changes how a receiver is called, or what a link does.
type fault struct {
	receiver func(r layer.Receiver) layer.Receiver
	link     func(k *link)

	noticesNoSilence bool // the layer does not notice that the broker is silent
}

// receiving makes a fault that changes how publications are passed to the receiver.
func receiving(make func(receive func(string, []byte)) func(string, []byte)) fault {
	return fault{receiver: func(r layer.Receiver) layer.Receiver {
		r.Receive = make(r.Receive)
		return r
	}}
}

// renaming makes a fault that confuses subjects with the same new name: a publication arrives under the name that was
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
	"reuses its buffer": receiving(func(receive func(string, []byte)) func(string, []byte) {
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
	"never unsubscribes":   {link: func(k *link) { k.unsubscribe = func(context.Context, string) error { return nil } }},
	"subscribes twice":     subscribesTwice(),
	"escapes badly":        renaming(func(s string) string { return strings.ReplaceAll(s, " ", "-") }),
	"ignores case":         renaming(strings.ToLower),
	"truncates names":      renaming(func(s string) string { return s[:min(len(s), 254)] }),
	"keeps published data": keepsPublishedData(),
	"delays all receivers": delaysAllReceivers(),
	"does not close":       doesNotClose(),
	"allows Unsubscribe after Close": {link: func(k *link) {
		k.unsubscribe = func(ctx context.Context, subject string) error {
			if err := k.Link.Unsubscribe(ctx, subject); !errors.Is(err, layer.ErrClosed) {
				return err
			}
			return nil
		}
	}},
	"ignores the context": {link: func(k *link) {
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
	"hides gaps":        changingStatus(func(report func(layer.Status), s layer.Status) { report(layer.Status{Up: s.Up, Err: s.Err}) }),
	"reports no status": changingStatus(func(func(layer.Status), layer.Status) {}),
	"overlaps statuses": changingStatus(func(report func(layer.Status), s layer.Status) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { report(s) })
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
	"does not notice silence": {noticesNoSilence: true},
	"waits for the broker": {link: func(k *link) {
		k.subscribe = func(ctx context.Context, subject string) error {
			return k.Link.Subscribe(context.WithoutCancel(ctx), subject)
		}
	}, noticesNoSilence: true},
	"trusts foreign data": {receiver: func(r layer.Receiver) layer.Receiver {
		receive := r.Receive
		r.Receive = func(subject string, data []byte) {
			if receive(subject, data); len(data) > 4096 && data[0] == '+' {
				r.Status(layer.Status{Err: errTest})
			}
		}
		return r
	}},
	"does not stop on Close": {link: func(k *link) { k.close = func(context.Context) error { return nil } }},
}

func changingStatus(what func(report func(layer.Status), s layer.Status)) fault {
	return fault{receiver: func(r layer.Receiver) layer.Receiver {
		report := r.Status
		r.Status = func(s layer.Status) { what(report, s) }
		return r
	}}
}

// subscribesTwice delivers two copies after two calls of Subscribe.
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

// keepsPublishedData sends each publication at the next call of Publish, without having copied the data.
func keepsPublishedData() fault {
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

// delaysAllReceivers uses one lock for all receivers.
func delaysAllReceivers() fault {
	var mu sync.Mutex
	return receiving(func(receive func(string, []byte)) func(string, []byte) {
		return func(subject string, data []byte) {
			mu.Lock()
			defer mu.Unlock()
			receive(subject, data)
		}
	})
}

// doesNotClose returns ErrClosed after Close, but keeps receiving.
func doesNotClose() fault {
	return fault{link: func(k *link) {
		var closed atomic.Bool
		unlessClosed := func(do func() error) error {
			if closed.Load() {
				return layer.ErrClosed
			}
			return do()
		}
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			return unlessClosed(func() error { return k.Link.Publish(ctx, subject, data) })
		}
		k.subscribe = func(ctx context.Context, subject string) error {
			return unlessClosed(func() error { return k.Link.Subscribe(ctx, subject) })
		}
		k.unsubscribe = func(ctx context.Context, subject string) error {
			return unlessClosed(func() error { return k.Link.Unsubscribe(ctx, subject) })
		}
		k.close = func(context.Context) error {
			closed.Store(true)
			return nil
		}
	}}
}
