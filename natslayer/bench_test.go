package natslayer_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
)

// BenchmarkRoundTrip measures the time from Publish to Receive, one publication at a time; nats.go alone is the baseline.
func BenchmarkRoundTrip(b *testing.B) { benchmarkPublish(b, 1) }

// BenchmarkStream measures the time per publication when 1000 are in flight.
func BenchmarkStream(b *testing.B) { benchmarkPublish(b, 1000) }

func benchmarkPublish(b *testing.B, ahead int) {
	servers := startBrokers(b, 1, nil)
	data := make([]byte, 200)
	b.Run("layer", func(b *testing.B) {
		arrived := make(chan struct{}, ahead)
		k := servers.connect(b, 0, nil).Open(layer.Receiver{Receive: func(string, []byte) { arrived <- struct{}{} }})
		must(b, k.Subscribe(b.Context(), "g/lobby"))
		m := open(b, servers.connect(b, 0, nil))
		benchmarkArrivals(b, ahead, arrived, func() error { return m.Publish(b.Context(), "g/lobby", data) })
		must(b, k.Close(b.Context()))
	})
	b.Run("nats.go", func(b *testing.B) {
		arrived := make(chan struct{}, ahead)
		in, out := connection(b, servers), connection(b, servers)
		_, err := in.Subscribe("lobby", func(*nats.Msg) { arrived <- struct{}{} })
		must(b, err)
		must(b, in.Flush())
		benchmarkArrivals(b, ahead, arrived, func() error { return out.Publish("lobby", data) })
	})
}

func connection(b *testing.B, servers *brokers) *nats.Conn {
	nc, err := nats.Connect(servers.url(0))
	must(b, err)
	b.Cleanup(nc.Close)
	return nc
}

func benchmarkArrivals(b *testing.B, ahead int, arrived chan struct{}, publish func() error) {
	b.ReportAllocs()
	inFlight := 0
	for b.Loop() {
		if inFlight == ahead {
			<-arrived
			inFlight--
		}
		must(b, publish())
		inFlight++
	}
	for range inFlight {
		<-arrived
	}
}

// BenchmarkSubscribe subscribes to new subjects, one at a time and 64 at a time, with a layer on each server. The baseline,
// nats.go's Subscribe and Flush, does not wait for the other servers.
func BenchmarkSubscribe(b *testing.B) {
	for _, n := range []int{1, 3} {
		servers := startBrokers(b, n, nil)
		k := open(b, servers.connect(b, 0, nil))
		for i := 1; i < n; i++ {
			servers.connect(b, i, nil)
		}
		b.Run(fmt.Sprintf("servers=%d/one", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				must(b, k.Subscribe(b.Context(), fmt.Sprint("one ", b.N, i)))
			}
		})
		b.Run(fmt.Sprintf("servers=%d/64", n), func(b *testing.B) {
			b.SetParallelism(64 / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if err := k.Subscribe(b.Context(), fmt.Sprintf("%p %d", pb, i)); err != nil {
						b.Error(err)
					}
				}
			})
		})
		nc := connection(b, servers)
		b.Run(fmt.Sprintf("servers=%d/nats.go", n), func(b *testing.B) {
			in := make(chan *nats.Msg, 1)
			for i := 0; b.Loop(); i++ {
				_, err := nc.ChanSubscribe(fmt.Sprintf("one.%d.%d", b.N, i), in)
				must(b, err)
				must(b, nc.Flush())
			}
		})
	}
}

// BenchmarkMemory measures the memory of 10,000 subscriptions of a link. The baseline are subscriptions of nats.go with a
// goroutine each.
func BenchmarkMemory(b *testing.B) {
	const subjects = 10000
	servers := startBrokers(b, 1, nil)
	k, nc := open(b, servers.connect(b, 0, nil)), connection(b, servers)
	before, goroutines := inUse(), runtime.NumGoroutine()
	report := func(b *testing.B, subscribe func(i int) error) {
		for i := range subjects {
			must(b, subscribe(i))
		}
		for b.Loop() { // there is nothing to measure in time
			b.ReportMetric(0, "ns/op")
		}
		b.ReportMetric(float64(inUse()-before)/subjects, "B/subscription")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
		before, goroutines = inUse(), runtime.NumGoroutine()
	}
	b.Run("server", func(b *testing.B) { // it runs in the same process
		in := make(chan *nats.Msg, 1)
		report(b, func(i int) error {
			_, err := nc.ChanSubscribe(fmt.Sprintf("chan.g/room-%d", i), in)
			return err
		})
	})
	b.Run("layer", func(b *testing.B) {
		report(b, func(i int) error { return k.Subscribe(b.Context(), fmt.Sprintf("g/room-%d", i)) })
	})
	b.Run("nats.go", func(b *testing.B) {
		report(b, func(i int) error {
			_, err := nc.Subscribe(fmt.Sprintf("usual.g/room-%d", i), func(*nats.Msg) {})
			return err
		})
	})
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
