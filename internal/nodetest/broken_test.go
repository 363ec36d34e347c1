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

// faulty is the layer of one node, with a fault.
type faulty struct {
	*faultlayer.Cable
	fault fault
	cut   atomic.Bool
}

// fault changes how a receiver is called, what a link does, or how publications are delivered.
type fault struct {
	receiver func(r layer.Receiver) layer.Receiver
	link     func(k *link)
	deliver  func(faultlayer.Delivery) faultlayer.Fate

	noticesNoSilence bool // the layer does not notice that the broker is silent
}

// link is a link whose methods can be replaced.
type link struct {
	layer.Link
	node        *faulty
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
func (f *faulty) Open(r layer.Receiver) layer.Link {
	if f.fault.receiver != nil {
		r = f.fault.receiver(r)
	}
	inner := f.Cable.Open(r)
	k := &link{Link: inner, node: f, publish: inner.Publish, subscribe: inner.Subscribe, unsubscribe: inner.Unsubscribe}
	if f.fault.link != nil {
		f.fault.link(k)
	}
	return k
}

var errTest = errors.New("taken away by the test")

// runOn runs the suite on a layer with a fault.
func runOn(t *testing.T, broken fault) {
	l := faultlayer.New(memlayer.New(), faultlayer.Faults{Deliver: broken.deliver})
	nodetest.Run(t, func(*testing.T) layer.Layer { return &faulty{Cable: l.Cable(), fault: broken} }, nodetest.Features{
		Bubble: true,
		Down: func(_ *testing.T, l layer.Layer) {
			l.(*faulty).cut.Store(true)
			l.(*faulty).Down(errTest)
		},
		Up: func(_ *testing.T, l layer.Layer) {
			l.(*faulty).cut.Store(false)
			l.(*faulty).Up()
		},
		Freeze: func(_ *testing.T, l layer.Layer) {
			l.(*faulty).Freeze()
			if !broken.noticesNoSilence {
				time.AfterFunc(6*time.Second, func() { l.(*faulty).Down(errTest) })
			}
		},
		Thaw: func(_ *testing.T, l layer.Layer) { l.(*faulty).Up() },
	})
}

// receiving makes a fault that changes how publications are passed to the receiver.
func receiving(make func(receive func(string, []byte)) func(string, []byte)) fault {
	return fault{receiver: func(r layer.Receiver) layer.Receiver {
		r.Receive = make(r.Receive)
		return r
	}}
}

// changingStatus makes a fault that changes how statuses are reported.
func changingStatus(what func(report func(layer.Status), s layer.Status)) fault {
	return fault{receiver: func(r layer.Receiver) layer.Receiver {
		report := r.Status
		r.Status = func(s layer.Status) { what(report, s) }
		return r
	}}
}

// renaming makes a fault that confuses subjects with the same new name.
func renaming(rename func(string) string) fault {
	return fault{link: func(k *link) {
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			return k.Link.Publish(ctx, rename(subject), data)
		}
		k.subscribe = func(ctx context.Context, subject string) error { return k.Link.Subscribe(ctx, rename(subject)) }
	}}
}

// echoing delivers a link's own publications to it, which the contract allows.
func echoing() fault {
	var mu sync.Mutex
	receivers := map[*faulty]func(string, []byte){}
	var last func(string, []byte)
	return fault{
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

var faults = map[string]fault{
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
	"loses and reports": {deliver: faultlayer.Random(rand.New(rand.NewPCG(1, 2)), faultlayer.Odds{Drop: 0.05})},
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
	"waits for the context": {link: func(k *link) {
		k.publish = func(ctx context.Context, subject string, data []byte) error {
			if k.node.cut.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			return k.Link.Publish(ctx, subject, data)
		}
	}},
	"hides gaps":        changingStatus(func(report func(layer.Status), s layer.Status) { report(layer.Status{Up: s.Up, Err: s.Err}) }),
	"reports no status": changingStatus(func(func(layer.Status), layer.Status) {}),
	"reports twice": changingStatus(func(report func(layer.Status), s layer.Status) {
		report(s)
		report(s)
	}),
	"does not notice silence": {noticesNoSilence: true},
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

// sendsLater keeps publications that failed, and publishes them later.
func sendsLater() fault {
	return fault{link: func(k *link) {
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
