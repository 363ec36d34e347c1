package nodetest_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/internal/nodetest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// flawed is a node's way to a layer, and what is wrong with it.
type flawed struct {
	*faultlayer.Cable
	flaw flaw
	cut  atomic.Bool
}

// flaw changes what a receiver is told, what a link does, or what becomes of publications.
type flaw struct {
	receiver func(r layer.Receiver) layer.Receiver
	link     func(k *link)
	deliver  func(faultlayer.Delivery) faultlayer.Fate

	oblivious bool // the layer does not notice that the broker is silent
}

// link is one whose methods can be replaced.
type link struct {
	layer.Link
	node        *flawed
	publish     func(ctx context.Context, subject string, data []byte) error
	subscribe   func(ctx context.Context, subject string) error
	unsubscribe func(ctx context.Context, subject string) error
}

func (k *link) Publish(ctx context.Context, subject string, data []byte) error {
	return k.publish(ctx, subject, data)
}

func (k *link) Subscribe(ctx context.Context, subject string) error { return k.subscribe(ctx, subject) }

func (k *link) Unsubscribe(ctx context.Context, subject string) error {
	return k.unsubscribe(ctx, subject)
}

// Open attaches the node.
func (f *flawed) Open(r layer.Receiver) layer.Link {
	if f.flaw.receiver != nil {
		r = f.flaw.receiver(r)
	}
	inner := f.Cable.Open(r)
	k := &link{Link: inner, node: f, publish: inner.Publish, subscribe: inner.Subscribe, unsubscribe: inner.Unsubscribe}
	if f.flaw.link != nil {
		f.flaw.link(k)
	}
	return k
}

var errTest = errors.New("taken away by the test")

// runOn runs the suite on a layer with a flaw.
func runOn(t *testing.T, broken flaw) {
	l := faultlayer.New(memlayer.New(), faultlayer.Faults{Deliver: broken.deliver})
	nodetest.Run(t, func(*testing.T) layer.Layer { return &flawed{Cable: l.Cable(), flaw: broken} }, nodetest.Features{
		Bubble: true,
		Down: func(_ *testing.T, l layer.Layer) {
			l.(*flawed).cut.Store(true)
			l.(*flawed).Down(errTest)
		},
		Up: func(_ *testing.T, l layer.Layer) {
			l.(*flawed).cut.Store(false)
			l.(*flawed).Up()
		},
		Freeze: func(_ *testing.T, l layer.Layer) {
			l.(*flawed).Freeze()
			if !broken.oblivious {
				time.AfterFunc(6*time.Second, func() { l.(*flawed).Down(errTest) })
			}
		},
		Thaw: func(_ *testing.T, l layer.Layer) { l.(*flawed).Up() },
	})
}

// receiving makes a flaw of what happens to each publication on its way to the receiver.
func receiving(make func(receive func(string, []byte)) func(string, []byte)) flaw {
	return flaw{receiver: func(r layer.Receiver) layer.Receiver {
		r.Receive = make(r.Receive)
		return r
	}}
}

// telling makes a flaw of what a server is told of its link.
func telling(what func(tell func(layer.Status), s layer.Status)) flaw {
	return flaw{receiver: func(r layer.Receiver) layer.Receiver {
		tell := r.Status
		r.Status = func(s layer.Status) { what(tell, s) }
		return r
	}}
}

// renaming makes a flaw of a layer that takes some subjects for one. What is sent to one of them comes under its name.
func renaming(rename func(string) string) flaw {
	return flaw{link: func(k *link) {
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			return k.Link.Publish(ctx, rename(subject), data)
		}
		k.subscribe = func(ctx context.Context, subject string) error { return k.Link.Subscribe(ctx, rename(subject)) }
	}}
}

// echoing gives a link what it has published itself, which the contract allows.
func echoing() flaw {
	var mu sync.Mutex
	receivers := map[*flawed]func(string, []byte){}
	var last func(string, []byte)
	return flaw{
		receiver: func(r layer.Receiver) layer.Receiver {
			mu.Lock()
			defer mu.Unlock()
			last = r.Receive
			return r
		},
		link: func(k *link) {
			mu.Lock()
			defer mu.Unlock()
			receivers[k.node] = last
			k.publish = func(ctx context.Context, subject string, data []byte) error {
				err := k.Link.Publish(ctx, subject, data)
				if err == nil {
					receivers[k.node](subject, append([]byte(nil), data...))
				}
				return err
			}
		},
	}
}

var flaws = map[string]flaw{
	"reorders": {deliver: faultlayer.Random(rand.New(rand.NewPCG(1, 2)), faultlayer.Odds{Delay: 0.3, MaxDelay: time.Millisecond, Overtake: 1})},
	"repeats":  {deliver: faultlayer.Random(rand.New(rand.NewPCG(1, 2)), faultlayer.Odds{Copy: 0.1})},
	"loses": receiving(func(receive func(string, []byte)) func(string, []byte) {
		var n atomic.Int64
		return func(subject string, data []byte) {
			if n.Add(1)%20 != 0 {
				receive(subject, data)
			}
		}
	}),
	"loses and tells": {deliver: faultlayer.Random(rand.New(rand.NewPCG(1, 2)), faultlayer.Odds{Drop: 0.05})},
	"damages data": receiving(func(receive func(string, []byte)) func(string, []byte) {
		return func(subject string, data []byte) { receive(subject, data[:len(data)-1]) }
	}),
	"subscribes late": {link: func(k *link) {
		k.subscribe = func(ctx context.Context, subject string) error {
			time.AfterFunc(time.Millisecond, func() { _ = k.Link.Subscribe(context.WithoutCancel(ctx), subject) })
			return nil
		}
	}},
	"never unsubscribes": {link: func(k *link) { k.unsubscribe = func(context.Context, string) error { return nil } }},
	"unsubscribes late": {link: func(k *link) {
		var late sync.Map
		k.unsubscribe = func(_ context.Context, subject string) error {
			late.Store(subject, true)
			return nil
		}
		k.subscribe = func(ctx context.Context, subject string) error {
			err := k.Link.Subscribe(ctx, subject)
			if _, ok := late.LoadAndDelete(subject); ok {
				return k.Link.Unsubscribe(ctx, subject)
			}
			return err
		}
	}},
	"escapes badly":   renaming(func(s string) string { return strings.ReplaceAll(s, " ", "-") }),
	"ignores case":    renaming(strings.ToLower),
	"truncates names": renaming(func(s string) string { return s[:min(len(s), 128)] }),
	"hides the cause": {link: func(k *link) {
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			if err := k.Link.Publish(ctx, subject, data); err != nil {
				return errors.New("it failed")
			}
			return nil
		}
	}},
	"hides the failure": {link: func(k *link) {
		k.subscribe = func(ctx context.Context, subject string) error {
			if err := k.Link.Subscribe(ctx, subject); !errors.Is(err, layer.ErrUnavailable) {
				return err
			}
			return nil
		}
	}},
	"sends later": sendsLater(),
	"waits on": {link: func(k *link) {
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			if k.node.cut.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			return k.Link.Publish(ctx, subject, data)
		}
	}},
	"hides gaps":    telling(func(tell func(layer.Status), s layer.Status) { tell(layer.Status{Up: s.Up, Err: s.Err}) }),
	"tells nothing": telling(func(func(layer.Status), layer.Status) {}),
	"tells twice": telling(func(tell func(layer.Status), s layer.Status) {
		tell(s)
		tell(s)
	}),
	"does not notice silence": {oblivious: true},
	"forgets while down": {link: func(k *link) {
		k.subscribe = func(ctx context.Context, subject string) error {
			err := k.Link.Subscribe(ctx, subject)
			if err != nil {
				_ = k.Link.Unsubscribe(ctx, subject)
			}
			return err
		}
	}},
	"forgets groups": {link: func(k *link) {
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			err := k.Link.Publish(ctx, subject, data)
			if err != nil && strings.HasPrefix(subject, "g/") {
				_ = k.Link.Unsubscribe(ctx, subject)
			}
			return err
		}
	}},
}

// sendsLater keeps what it could not publish until it can.
func sendsLater() flaw {
	return flaw{link: func(k *link) {
		var mu sync.Mutex
		var kept []func() error
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			mu.Lock()
			defer mu.Unlock()
			copied := append([]byte(nil), data...)
			err := k.Link.Publish(ctx, subject, data)
			if err != nil {
				kept = append(kept, func() error { return k.Link.Publish(context.WithoutCancel(ctx), subject, copied) })
				return err
			}
			for _, send := range kept {
				err = errors.Join(err, send())
			}
			kept = nil
			return err
		}
	}}
}
