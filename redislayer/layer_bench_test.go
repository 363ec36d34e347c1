package redislayer_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/rueidis"

	"github.com/chanx-go/chanx/layer"
)

var payload = make([]byte, 200)

func startBench(b *testing.B) (rueidis.Client, layer.Link, <-chan struct{}) {
	b.Helper()
	s := startServer(b)
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address(s.port)}, DisableCache: true, PipelineMultiplex: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	got := make(chan struct{}, 1<<20)
	l := connect(b, s.url(), nil)
	k := l.Open(layer.Receiver{Receive: func(string, []byte) { got <- struct{}{} }})
	return c, k, got
}

// BenchmarkPublish publishes from many goroutines; rueidis alone is the baseline.
func BenchmarkPublish(b *testing.B) {
	c, k, _ := startBench(b)
	for _, callers := range []int{1, 32} {
		parallel := func(do func() error) func(*testing.B) {
			return func(b *testing.B) {
				b.SetParallelism(callers)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := do(); err != nil {
							b.Error(err)
						}
					}
				})
			}
		}
		ctx := context.Background()
		b.Run(fmt.Sprintf("layer-%d", callers), parallel(func() error { return k.Publish(ctx, "s", payload) }))
		b.Run(fmt.Sprintf("rueidis-%d", callers), parallel(func() error {
			return c.Do(ctx, c.B().Publish().Channel("chanx:s").Message(string(payload)).Build()).Error()
		}))
	}
}

// BenchmarkDelivery publishes and waits until the publication has arrived; a PING is the baseline.
func BenchmarkDelivery(b *testing.B) {
	c, k, got := startBench(b)
	ctx := context.Background()
	if err := k.Subscribe(ctx, "s"); err != nil {
		b.Fatal(err)
	}
	b.Run("layer", func(b *testing.B) {
		for b.Loop() {
			if err := k.Publish(ctx, "s", payload); err != nil {
				b.Fatal(err)
			}
			<-got
		}
	})
	b.Run("ping", func(b *testing.B) {
		for b.Loop() {
			if err := c.Do(ctx, c.B().Ping().Build()).Error(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSubscribe subscribes to a new subject each time, and unsubscribes.
func BenchmarkSubscribe(b *testing.B) {
	_, k, _ := startBench(b)
	ctx := context.Background()
	i := 0
	for b.Loop() {
		i++
		subject := fmt.Sprint(i)
		if err := k.Subscribe(ctx, subject); err != nil {
			b.Fatal(err)
		}
		if err := k.Unsubscribe(ctx, subject); err != nil {
			b.Fatal(err)
		}
	}
}
